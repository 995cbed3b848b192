/** WGSL as it is printed. */
import { expect, test } from 'vitest';
import { indent } from './indent.ts';

test('one statement a line, indented by its braces', () => {
  const code = `enable f16;
struct Id { @builtin(workgroup_id) group: vec3<u32>, lane: u32 }


const N = 4u;
@compute @workgroup_size(64) fn main(id: Id) {
if (id.group.x > 0u) { return; } // nothing; to {do}
      
      // of all rows
  for (var i = 0u; i < N; i++) { { let k = w[i]; sum = fma(k, k, sum); }
      if (i == 1u) { sum += 1.0; } else { sum -= 1.0; }
  }

  let offset = vec3(p.x, p.y)
    + vec3(1u,
 2u);
  y[0] = offset.x;
}`;
  expect(indent(code)).toBe(`enable f16;
struct Id {
  @builtin(workgroup_id) group: vec3<u32>,
  lane: u32
}

const N = 4u;
@compute @workgroup_size(64) fn main(id: Id) {
  if (id.group.x > 0u) {
    return;
  } // nothing; to {do}
  // of all rows
  for (var i = 0u; i < N; i++) {
    {
      let k = w[i];
      sum = fma(k, k, sum);
    }
    if (i == 1u) {
      sum += 1.0;
    } else {
      sum -= 1.0;
    }
  }

  let offset = vec3(p.x, p.y)
    + vec3(1u,
    2u);
  y[0] = offset.x;
}
`);
});

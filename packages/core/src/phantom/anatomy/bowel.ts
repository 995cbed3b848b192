/** Colon and small bowel: most of what the abdomen's middle shows, and none of it an organ to segment. */
import { clamp, mix, smoothstep } from '../functions.ts';
import { AIR_HU, type Build, growth, hollow, type Material, type Part, varied } from '../parts.ts';
import { type Solid, tube, within } from '../shapes.ts';
import { IN_ABDOMEN } from './abdomen.ts';

export function bowel(build: Build): Part[] {
  return [smallBowel(build), colon(build)];
}

/** The colon: a frame around the abdomen, pouched into haustra, with stool, gas and sometimes contrast medium. */
function colon(build: Build): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('colon');
  const { variety } = patient;
  const further = random.fork('variety');
  const grow =
    growth(patient, random, 0.3) *
    mix(0.85, 1.1, patient.bowelFill) *
    Math.exp(variety * further.normal(0.05, 0.18));
  const sag = random.uniform(-75, 5) + variety * further.uniform(0, 85);
  const { highColon } = patient;
  const rise = random.uniform(-5, 40) + variety * further.uniform(-10, 30) + 75 * highColon;
  const axis = tube(
    varied(
      [
        [84, 46, -150, 20],
        [98, 36, -118, 27],
        [106, 20, -70, 23],
        [104, 18, -36, 21],
        [92, 48, -20, 20],
        [66, 96, -26 + 0.4 * sag, 19],
        [10, 104, -28 + sag, 19],
        [-50, 100, -22 + 0.8 * sag, 18],
        [-92, 66 + 12 * highColon, 12 + 0.6 * rise, 18 + 18 * highColon],
        [-112 + 14 * highColon, 34 + 34 * highColon, 30 + rise, 18 + 24 * highColon],
        [-114, 8 + 14 * highColon, -10 + 20 * highColon, 16 + 2 * highColon],
        [-114, 0, -70, 15],
        [-104, 8, -120, 15],
        [-82, 26, -160, 15],
        [-50, 20, -190, 16],
        [-20, 30, -210, 16],
      ],
      random,
      { grow, jitterMm: 5 + 5 * variety },
    ),
  );
  const pouched: Solid = {
    bounds: axis.bounds,
    distance: (p) => {
      const distance = axis.distance(p);
      const fold = Math.abs(Math.sin((p.along * Math.PI) / 32 + 0.04 * p.above));
      return (
        distance + 4 * (1 - fold) * smoothstep(-30, 0, distance) + 2 * noise.at(p.x / 17, p.y / 17, p.z / 17)
      );
    },
  };
  const solid = within(6, pouched, ...IN_ABDOMEN);
  const gassy = random.uniform(-0.25, 0.35) + Math.max(patient.colonGas, highColon);
  const medium = random.chance(0.15) ? random.uniform(100, 350) : 0;
  const content: Material = (p) => {
    const section = noise.at(p.along / 60, 4.5, 8.5);
    const crumbs = noise.at(p.x / 4.5, p.y / 4.5, p.z / 4.5);
    const bubbles = smoothstep(0.15, 0.5, crumbs) * smoothstep(0.1, -0.2, section);
    const stool = mix(35 + 25 * crumbs, -520, bubbles) + medium;
    const level = mix(16, -8, clamp(1.3 * section + gassy + 0.3, 0, 1));
    return mix(stool, AIR_HU + 20, clamp(0.5 + (p.above - level) / p.voxelMm, 0, 1));
  };
  return { solid, hu: hollow(2.5, tissues.gutWall, content), label: 0 };
}

/**
 * The small bowel: loops packed into the middle of the abdomen: the inside of a gyroid, whose tunnels wind through space and
 * never end, bent by noise.
 */
function smallBowel(build: Build): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('small bowel');
  const pitch = random.uniform(6.8, 8.6);
  const shift = [random.uniform(0, 60), random.uniform(0, 60), random.uniform(0, 60)];
  const top = random.uniform(-5, 25) + patient.variety * random.fork('variety').uniform(0, 55);
  const width = mix(0.1, -0.3, patient.bowelFill);
  const solid: Solid = {
    bounds: { min: [-125, -10, -300], max: [115, 160, 60 + 55 * patient.variety] },
    distance: (p) => {
      const region = Math.max(
        Math.hypot(p.x / 1.05, (p.y - 60) / 0.9) - 92,
        p.z - top - 0.5 * Math.max(0, -p.x),
        26 - p.y + 0.2 * Math.abs(p.x),
        p.inside + 3,
      );
      if (region > 6) return region;
      const bend = 5 * noise.at(p.x / 38, p.y / 38, p.z / 38);
      const a = (p.x + shift[0] + bend) / pitch;
      const b = (p.y + shift[1] - bend) / pitch;
      const c = (p.z + shift[2] + bend) / pitch;
      const gyroid = Math.sin(a) * Math.cos(b) + Math.sin(b) * Math.cos(c) + Math.sin(c) * Math.cos(a);
      return Math.max((width - gyroid) * pitch * 0.6 + 1.5, region);
    },
  };
  const content: Material = (p) => {
    const section = noise.at(p.x / 48 + 7, p.y / 48, p.z / 48);
    const grain = noise.at(p.x / 6, p.y / 6, p.z / 6);
    const filling = mix(tissues.gutWall - 5, patient.oralHu, smoothstep(-0.15, 0.2, section)) + 10 * grain;
    return mix(filling, -850, smoothstep(0.5, 0.58, section + 0.1 * patient.bowelFill + 0.1 * grain));
  };
  return { solid, hu: hollow(2.2, tissues.gutWall, content), label: 0 };
}

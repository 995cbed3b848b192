/**
 * `node scripts/boxFaults.ts OUT.svg REFERENCE,PREDICTION,ORGAN,TITLE…`: where label maps miss an organ of FLARE22's 13.
 * A panel for each: of the axial slices the one with most voxels that disagree, seen from the feet; the organ where both
 * say so, where it is missed, where it is not; the reference's other organs behind it.
 */
import { writeFileSync } from 'node:fs';
import { PLANES, type Raster, sliceOf } from '../apps/cli/src/pictures/planes.ts';
import { FLARE22_ORGANS } from '../packages/core/src/organs.ts';
import { spacingOf } from '../packages/core/src/volume/affine.ts';
import { toRas } from '../packages/core/src/volume/orientation.ts';
import { readLabelsFile } from '../packages/files/src/nifti.ts';

const AXIAL = PLANES.find(({ name }) => name === 'axial')!;
const WIDTH = 220;
const HEIGHT = 200;
const TITLE = 34;
const MARGIN_MM = 30;
const KINDS = [
  { name: 'other organs', colour: '#e3e6ea' },
  { name: 'found', colour: '#8a949e' },
  { name: 'missed', colour: '#56b4e9' },
  { name: 'false', colour: '#f0961e' },
] as const;

/** The drawn kinds of a slice's pixels, from 1; 0 where nothing is drawn. */
function kindsOf(reference: Raster, prediction: Raster, organ: number): Uint8Array {
  return Uint8Array.from(reference.data, (label, i) => {
    const [is, said] = [label === organ, prediction.data[i] === organ];
    return is ? (said ? 2 : 3) : said ? 4 : label ? 1 : 0;
  });
}

async function panel(argument: string, column: number): Promise<string> {
  const [referencePath, predictionPath, organName, title] = argument.split(',') as [
    string,
    string,
    string,
    string,
  ];
  const organ = FLARE22_ORGANS.findIndex(({ longName }) => longName.toLowerCase() === organName) + 1;
  if (!organ) throw new Error(`${organName} is none of FLARE22's organs`);
  const reference = toRas(await readLabelsFile(referencePath));
  const prediction = toRas(await readLabelsFile(predictionPath));
  const slices = Array.from({ length: reference.shape[2] }, (_, z) => {
    const shown = sliceOf(reference, AXIAL, z);
    const kinds = kindsOf(shown, sliceOf(prediction, AXIAL, z), organ);
    return { kinds, width: shown.width, wrong: kinds.filter((kind) => kind > 2).length };
  });
  const { kinds, width } = slices.reduce((worst, slice) => (slice.wrong > worst.wrong ? slice : worst));
  const [mmX, mmY] = spacingOf(reference.affine);
  const at = [...kinds.keys()].filter((i) => kinds[i]! > 1);
  const [x, y] = [spanOf(at.map((i) => i % width)), spanOf(at.map((i) => Math.floor(i / width)))];
  const shownMm = (pixels: number, mm: number) => pixels * mm + 2 * MARGIN_MM;
  const scale = Math.min(WIDTH / shownMm(x.pixels, mmX), HEIGHT / shownMm(y.pixels, mmY));
  const paths = KINDS.map(({ colour }, k) => `<path fill="${colour}" d="${runs(kinds, width, k + 1)}"/>`);
  const view = `translate(${WIDTH / 2} ${HEIGHT / 2}) scale(${scale * mmX} ${scale * mmY}) translate(${-x.middle} ${-y.middle})`;
  return `<svg x="${column * (WIDTH + 12)}" y="0" width="${WIDTH}" height="${HEIGHT + TITLE}">
<text x="0" y="13">${title}</text><text x="0" y="28" fill="#5a6470">${organName}</text>
<svg y="${TITLE}" width="${WIDTH}" height="${HEIGHT}"><g transform="${view}">${paths.join('')}</g></svg></svg>`;
}

function spanOf(values: readonly number[]): { middle: number; pixels: number } {
  const [first, last] = [Math.min(...values), Math.max(...values)];
  return { middle: (first + last) / 2, pixels: last - first + 1 };
}

/** The pixels of a kind as runs along the rows. */
function runs(kinds: Uint8Array, width: number, kind: number): string {
  let d = '';
  for (let i = 0; i < kinds.length; i++) {
    if (kinds[i] !== kind) continue;
    const first = i;
    while (kinds[i + 1] === kind && (i + 1) % width) i++;
    d += `M${first % width} ${Math.floor(first / width)}h${i + 1 - first}v1h${first - i - 1}z`;
  }
  return d;
}

const [out, ...panels] = process.argv.slice(2) as [string, ...string[]];
const drawn: string[] = [];
for (const [column, argument] of panels.entries()) drawn.push(await panel(argument, column));
const [width, height] = [panels.length * (WIDTH + 12), HEIGHT + TITLE + 24];
const key = KINDS.map(
  ({ name, colour }, i) =>
    `<rect x="${i * 110}" y="${height - 14}" width="10" height="10" fill="${colour}"/><text x="${i * 110 + 15}" y="${height - 5}">${name}</text>`,
);
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#1c2126">
<rect width="100%" height="100%" fill="#fff"/>
${drawn.join('\n')}
${key.join('\n')}
</svg>\n`,
);

/** A scan's label map as the page is given it: to be looked at, to be saved, and in figures. */
import { labelEntries } from '@organseg/core/organs.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import { joinedStatistics, labelStatistics } from '@organseg/core/volume/labelStatistics.ts';
import { labelTable } from '@organseg/core/volume/labelTable.ts';
import { encodeNifti } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import type { Scan } from '@organseg/core/volume/volumeStream.ts';
import type { LabelledScan, ShownOrgan } from '../protocol.ts';
import { picturesOf } from './shownVolumes.ts';

/** The organs are those of the labels 1, 2, …. The first of the scan's channels says whether its values are HU. */
export async function labelledScan(
  scan: Scan,
  labels: Volume<Uint8Array>,
  organs: readonly ShownOrgan[],
  channelNames: readonly string[],
): Promise<LabelledScan> {
  const found = labelStatistics(scan, labels, organs.length + 1);
  const figures = [
    found[0]!,
    ...organs.map(({ label, region }) => joinedStatistics(found, region?.ids ?? [label])),
  ];
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const table = labelTable(labelEntries(['background', ...organs.map(({ name }) => name)]));
  for await (const chunk of encodeNifti(labels, scan.header.space, [table]))
    parts.push(new Uint8Array(chunk));
  return {
    pictures: picturesOf(labels),
    file: new Blob(parts),
    figures: figures.map(({ voxels, volumeMl, meanIntensity }) => ({
      voxels,
      volumeMl,
      meanHu: isCt(channelNames[0]!) ? meanIntensity : null,
    })),
  };
}

/** A scan's label map as the page is given it: to be looked at, to be saved, and in figures. */
import { labelEntries } from '@organseg/core/organs.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import { labelStatistics } from '@organseg/core/volume/labelStatistics.ts';
import { labelTable } from '@organseg/core/volume/labelTable.ts';
import { encodeNifti } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import type { Scan } from '@organseg/core/volume/volumeStream.ts';
import type { LabelledScan } from '../protocol.ts';
import { coarseLabels, niftiOf } from './shownVolumes.ts';

/** `labelNames` begin with the background. The first of the scan's channels says whether its values are HU. */
export async function labelledScan(
  scan: Scan,
  labels: Volume<Uint8Array>,
  labelNames: readonly string[],
  channelNames: readonly string[],
): Promise<LabelledScan> {
  const figures = labelStatistics(scan, labels, labelNames.length);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const table = labelTable(labelEntries(labelNames));
  for await (const chunk of encodeNifti(labels, scan.header.space, [table]))
    parts.push(new Uint8Array(chunk));
  return {
    nifti: niftiOf(labels),
    coarse: niftiOf(coarseLabels(labels)),
    file: new Blob(parts),
    figures: figures.map(({ voxels, volumeMl, meanIntensity }) => ({
      voxels,
      volumeMl,
      meanHu: isCt(channelNames[0]!) ? meanIntensity : null,
    })),
  };
}

/** How DICOM files begin; tells them from others without what parses them. */
import { concatenated } from '@organseg/core/volume/concatenated.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './codecs/transferSyntax.ts';

const PREAMBLE_BYTES = 128;

/**
 * The bytes of a file as Part 10 of the standard wants them: those before it have no preamble, or neither that nor a
 * header of their own. Undefined where they are not DICOM.
 */
export function withPreamble(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  if (textAt(bytes, PREAMBLE_BYTES) === 'DICM') return bytes;
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [group, element] = [view.getUint16(0, true), view.getUint16(2, true)];
  const isExplicit = /^[A-Z]{2}$/.test(textAt(bytes, 4).slice(0, 2));
  const preamble = new Uint8Array(PREAMBLE_BYTES + 4);
  preamble.set(new TextEncoder().encode('DICM'), PREAMBLE_BYTES);
  if (group === 2 && element === 0 && isExplicit) return concatenated([preamble, bytes]);
  const isFirst = group === 8 && element <= 0x18 && (isExplicit || view.getUint32(4, true) <= 64);
  if (!isFirst) return undefined;
  const syntax = isExplicit ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN;
  return concatenated([preamble, metaOf(syntax), bytes]);
}

/** The header of a file that names its transfer syntax alone. */
function metaOf(transferSyntax: string): Uint8Array {
  const padded = transferSyntax.length % 2 ? `${transferSyntax}\0` : transferSyntax;
  const bytes = new Uint8Array(12 + 8 + padded.length);
  const view = new DataView(bytes.buffer);
  const write = (at: number, element: number, vr: string, length: number) => {
    view.setUint16(at, 2, true);
    view.setUint16(at + 2, element, true);
    bytes.set(new TextEncoder().encode(vr), at + 4);
    view.setUint16(at + 6, length, true);
  };
  write(0, 0, 'UL', 4);
  view.setUint32(8, 8 + padded.length, true);
  write(12, 0x10, 'UI', padded.length);
  bytes.set(new TextEncoder().encode(padded), 20);
  return bytes;
}

const textAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

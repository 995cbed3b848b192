/** RLE Lossless, DICOM's own compression: each byte of the pixels in a segment of its own, packed as PackBits does. */

/** The pixels of a frame, little-endian. Throws where the frame does not hold them. */
export function decodeRle(frame: Uint8Array, pixels: number, bytesPerPixel: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== bytesPerPixel) throw new Error(`expected ${bytesPerPixel} segments`);
  const out = new Uint8Array(pixels * bytesPerPixel);
  for (let segment = 0; segment < bytesPerPixel; segment++) {
    let at = view.getUint32(4 + 4 * segment, true);
    // The first segment holds the highest bytes.
    const place = bytesPerPixel - 1 - segment;
    for (let done = 0; done < pixels; ) {
      const control = view.getInt8(at++);
      if (control === -128) continue;
      const isRun = control < 0;
      const count = isRun ? 1 - control : control + 1;
      if (done + count > pixels) throw new Error('a run beyond the last pixel');
      for (let i = 0; i < count; i++, done++)
        out[done * bytesPerPixel + place] = view.getUint8(isRun ? at : at++);
      if (isRun) at++;
    }
  }
  return out;
}

/** Runs of equal labels: most of a map is uniform, and looking at four voxels at once gets past it sooner. */

/** Bytes, and the same memory as words of four of them. */
export interface ByteWords {
  readonly bytes: Uint8Array;
  /** The words, without the last one to three bytes where those fill none. */
  readonly words: Int32Array;
}

/** The words of bytes, which are copied where they do not start at a word. */
export function byteWords(source: Uint8Array): ByteWords {
  const bytes = source.byteOffset % 4 === 0 ? source : source.slice();
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) };
}

/** The end of the run from `start` on which neither `a` nor `b` changes; at most `limit`. */
export function runEnd(a: ByteWords, b: ByteWords, start: number, limit: number): number {
  const { bytes: bytesA, words: wordsA } = a;
  const { bytes: bytesB, words: wordsB } = b;
  const inA = bytesA[start];
  const inB = bytesB[start];
  let end = start + 1;
  while (end & 3) {
    if (end === limit || bytesA[end] !== inA || bytesB[end] !== inB) return end;
    end++;
  }
  const fourA = Math.imul(inA, 0x01010101);
  const fourB = Math.imul(inB, 0x01010101);
  const lastWord = limit >> 2;
  let word = end >> 2;
  while (word < lastWord && wordsA[word] === fourA && wordsB[word] === fourB) word++;
  end = word << 2;
  while (end < limit && bytesA[end] === inA && bytesB[end] === inB) end++;
  return end;
}

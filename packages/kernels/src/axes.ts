/** Numbers along three axes. */
export type Triple = readonly [number, number, number];

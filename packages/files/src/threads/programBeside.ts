/** Programs of threads and processes of ours, found from the module that starts them. */
import { extname } from 'node:path';

/** The program of that name beside a module: as .ts, or in a bundle, where a program is one file, as .mjs. */
export const programBeside = (moduleUrl: string, name: string): URL =>
  new URL(`./${name}${extname(moduleUrl)}`, moduleUrl);

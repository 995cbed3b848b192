/** What Windows has of its own in paths. */
import { dirname } from 'node:path';

/** Whether nothing is above a path: Windows has a root for each drive, and names drives that are not there. */
export const isRoot = (path: string): boolean => dirname(path) === path;

/** Whether Windows takes the name of a file for a device, into which what is written is lost. */
export const isDevice = (name: string): boolean =>
  /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³]) *(\.|:|$)/i.test(name);

/** What Windows has of its own in paths. */
import { expect, it } from 'vitest';
import { isDevice } from './paths.ts';

it.each(['CON', 'con.nii.gz', 'Aux.json', 'nul', 'COM1.nii', 'lpt9 .txt', 'prn.'])(
  'keeps %s for a device',
  (name) => expect(isDevice(name)).toBe(true),
);

it.each(['contrast.nii.gz', 'CON_0000.nii.gz', 'com10.nii', 'null.json', 'a.con', '.aux'])(
  'leaves %s',
  (name) => expect(isDevice(name)).toBe(false),
);

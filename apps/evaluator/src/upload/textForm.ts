/** Forms of text fields alone, as browsers send them. */
import type { Context } from 'hono';
import { bodyOf, collected, requireType } from './body.ts';

/** Far more than the longest list of organs. */
const MAX_FORM_BYTES = 256 << 10;

/** The fields of a form. Throws Problem 413 or 415. */
export async function textForm(c: Context): Promise<URLSearchParams> {
  requireType(c, ['application/x-www-form-urlencoded']);
  const bytes = await collected(bodyOf(c, MAX_FORM_BYTES));
  return new URLSearchParams(new TextDecoder().decode(bytes));
}

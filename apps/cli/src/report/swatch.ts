/** Patches of colour for legends. */
import { html, raw } from 'hono/html';
import type { Html } from './input.ts';

/** A patch of colour for a legend; red, green and blue, 0 to 255. */
export const swatch = (colour: readonly [number, number, number]): Html =>
  html`<i class="swatch" style="background:rgb(${raw(colour.join(' '))})"></i>`;

/** What the organisers' pages of a challenge have in common: where one is, and where one can go. */
import { html } from 'hono/html';
import type { Challenge } from '../../store/challenges.ts';
import type { Html } from '../layout.ts';

const PLACES = {
  '': 'Leaderboard',
  '/submissions': 'Submissions',
  '/references': 'References',
  '/keys': 'Keys',
  '/settings': 'Settings',
};

export type Place = keyof typeof PLACES;

/** The links between an organiser's pages of a challenge. */
export function organiserLinks({ id }: Challenge, here: Place): Html {
  const links = Object.entries(PLACES).map(
    ([place, name]) =>
      html`<li><a href="/challenges/${id}${place}"${place === here ? html` aria-current="page"` : ''}>${name}</a></li>`,
  );
  return html`<nav class="places" aria-label="For organisers"><ul>${links}</ul></nav>`;
}

/** The head of a page: the challenge, the links, and the page's name. */
export const organiserHead = (challenge: Challenge, here: Place): Html =>
  html`<p class="quiet"><a href="/challenges/${challenge.id}">${challenge.name}</a></p>
<h1>${PLACES[here]}</h1>
${organiserLinks(challenge, here)}`;

/**
 * What the site has in place of zarrita, with which NiiVue reads Zarr arrays from servers: the page reads files, and its
 * policy lets it ask no server. Everything throws.
 */
function refuse(): never {
  throw new Error('the viewer reads no Zarr arrays');
}

export { refuse as FetchStore, refuse as get, refuse as open, refuse as root, refuse as slice };

/** Reads the packages that hold Node as pnpm expects them: their `os` and `cpu` are text where it expects lists. */
const asList = (value) => (typeof value === 'string' ? [value] : value);

module.exports = {
  hooks: {
    readPackage(manifest) {
      if (/^node-(bin-)?(darwin|linux|win)-/.test(manifest.name)) {
        manifest.os = asList(manifest.os);
        manifest.cpu = asList(manifest.cpu);
      }
      return manifest;
    },
  },
};

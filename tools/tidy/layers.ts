// Layers: an import may only point to a lower one (ARCHITECTURE.md has the picture).

export interface PackageRule {
  readonly layer: number;
  /** no I/O, clock, randomness or platform types */
  readonly pure: boolean;
}

/** folder below packages/ → rule. A package that is not listed here fails the check. */
export const PACKAGES: Readonly<Record<string, PackageRule>> = {
  protocol: { layer: 0, pure: true },
  tlog: { layer: 1, pure: true },
  exact: { layer: 1, pure: true },
  verify: { layer: 2, pure: true },
  log: { layer: 3, pure: false },
  client: { layer: 3, pure: false },
  node: { layer: 4, pure: false },
  'engine-exact': { layer: 5, pure: false },
  cli: { layer: 6, pure: false },
};

/** npm name → folder */
export function folderOfPackage(name: string): string | null {
  if (name === 'runproof') return 'cli';
  return name.startsWith('@runproof/') ? name.slice('@runproof/'.length) : null;
}

/** folder of the package that `path` belongs to, or null */
export function packageOf(path: string): string | null {
  return /^packages\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** npm package of an import specifier: `@a/b/c` → `@a/b`, `a/b` → `a` */
export function packageOfSpecifier(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

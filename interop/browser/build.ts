// Bundles for the browser: the page of the lane, and the client alone, to know what it costs a web application.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const PAGE = fileURLToPath(new URL('page.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../packages/client/src/index.ts', import.meta.url));

export interface BrowserBundle {
  readonly code: string;
  /** bytes, minified */
  readonly minified: number;
  /** bytes, minified and compressed */
  readonly compressed: number;
}

async function bundle(input: string): Promise<BrowserBundle> {
  const build = await rolldown({ input, platform: 'browser', logLevel: 'warn', onLog: refuseWarnings });
  try {
    const { output } = await build.generate({ format: 'esm', minify: true });
    const [chunk, ...more] = output;
    if (more.length > 0 || chunk.imports.length > 0) throw new Error('the bundle is not one file');
    const minified = Buffer.byteLength(chunk.code);
    return { code: chunk.code, minified, compressed: gzipSync(chunk.code, { level: 9 }).length };
  } finally {
    await build.close();
  }
}

/** A module of Node that slipped in, or an import that is not there, is a warning of the bundler and an error here. */
function refuseWarnings(level: string, log: { readonly message: string }): void {
  if (level === 'warn') throw new Error(log.message);
}

export function bundlePage(): Promise<BrowserBundle> {
  return bundle(PAGE);
}

export function bundleClient(): Promise<BrowserBundle> {
  return bundle(CLIENT);
}

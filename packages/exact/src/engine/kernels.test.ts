import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sha256 } from '@runproof/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { countOpcodes } from '../testing/wasm-opcodes.ts';
import { assertVariant, detectVariant, KERNEL_VARIANTS, kernelBytes, kernelsDigest } from './kernels.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = fileURLToPath(
  new URL('../../../../tools/dev/node_modules/assemblyscript/bin/asc.js', import.meta.url),
);

describe('the committed kernels', () => {
  it.each(KERNEL_VARIANTS)('%s: the embedded bytes are those of the Wasm file', (variant) => {
    expect(Buffer.compare(kernelBytes(variant), readFileSync(`${root}wasm/exact-1-${variant}.wasm`))).toBe(0);
  });

  it('build to the same bytes where the compiler is installed, and say how to install it where it is not', () => {
    const result = spawnSync(process.execPath, [`${root}kernels/build.ts`, '--check'], { encoding: 'utf8' });
    if (existsSync(compiler))
      expect([result.stdout, result.stderr, result.status]).toEqual([
        'The kernels build to the committed bytes.\n',
        '',
        0,
      ]);
    else
      expect([result.stderr, result.status]).toEqual([
        'The compiler is not installed: run npm ci --prefix tools/dev first.\n',
        3,
      ]);
  });

  it('hold only opcodes of the allow-list; relaxed SIMD is one operation of one variant', () => {
    const relaxed = countOpcodes(kernelBytes('relaxed'));
    const plain = countOpcodes(kernelBytes('plain'));
    const relaxedNames = (counts: Map<string, number>): string[] =>
      [...counts.keys()].filter((name) => name.includes('relaxed'));
    expect(relaxedNames(relaxed)).toEqual(['i32x4.relaxed_dot_i8x16_i7x16_add_s']);
    expect(relaxedNames(plain)).toEqual([]);
    expect(plain.get('i32x4.dot_i16x8_s')).toBeGreaterThan(0);
  });

  it('an opcode outside the list is found', () => {
    const relaxedMultiplyAdd = [0xfd, 0x85, 0x02]; // f32x4.relaxed_madd
    const body = [0x00, ...relaxedMultiplyAdd, 0x0b];
    const module = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 10, body.length + 2, 1, body.length, ...body);
    expect(() => countOpcodes(module)).toThrow('opcode 0xfd 0x105 is not on the allow-list');
  });

  it('the build digest is that of both modules', () => {
    const both = Buffer.concat([kernelBytes('relaxed'), kernelBytes('plain')]);
    expect(Buffer.compare(kernelsDigest(), sha256(both))).toBe(0);
  });
});

describe('feature detection', () => {
  const validate = WebAssembly.validate;
  const relaxedSize = kernelBytes('relaxed').length;

  /** A fault: an engine that validates only modules that `accepts` takes. */
  function engineThat(accepts: (bytes: Uint8Array) => boolean): void {
    WebAssembly.validate = accepts as typeof validate;
  }

  afterEach(() => {
    WebAssembly.validate = validate;
  });

  it('prefers relaxed SIMD, falls back to plain, and refuses an engine without either', () => {
    expect(detectVariant()).toBe('relaxed');
    engineThat((bytes) => bytes.length !== relaxedSize);
    expect(detectVariant()).toBe('plain');
    expect(() => assertVariant('relaxed')).toThrow(expect.objectContaining({ code: 'ENGINE_CPU_UNSUPPORTED' }));
    engineThat(() => false);
    expect(() => detectVariant()).toThrow(expect.objectContaining({ code: 'ENGINE_CPU_UNSUPPORTED' }));
    expect(() => assertVariant('plain')).toThrow('no WebAssembly SIMD with shared memory');
  });
});

// Reads a Wasm binary and names every opcode in it. The tables are the allow-list of contract exact-1: an opcode that is not in
// them is refused, because nobody has argued that it gives the same bits on every engine (specs/exact-1.md §10).

/** What follows an opcode in the binary. */
type Immediate = 'none' | 'leb' | 'memory' | 'block' | 'i32' | 'i64' | 'f32' | 'bytes16' | 'lane' | 'byte';

type Table = ReadonlyMap<number, readonly [string, Immediate]>;

/** Deterministic by the core specification: integers, moves, and IEEE 754 operations that round correctly. */
const CORE: Table = new Map<number, readonly [string, Immediate]>([
  [0x02, ['block', 'block']],
  [0x03, ['loop', 'block']],
  [0x04, ['if', 'block']],
  [0x05, ['else', 'none']],
  [0x0b, ['end', 'none']],
  [0x0c, ['br', 'leb']],
  [0x0d, ['br_if', 'leb']],
  [0x0f, ['return', 'none']],
  [0x10, ['call', 'leb']],
  [0x1a, ['drop', 'none']],
  [0x1b, ['select', 'none']],
  [0x20, ['local.get', 'leb']],
  [0x21, ['local.set', 'leb']],
  [0x22, ['local.tee', 'leb']],
  [0x28, ['i32.load', 'memory']],
  [0x2a, ['f32.load', 'memory']],
  [0x2c, ['i32.load8_s', 'memory']],
  [0x2d, ['i32.load8_u', 'memory']],
  [0x2e, ['i32.load16_s', 'memory']],
  [0x2f, ['i32.load16_u', 'memory']],
  [0x34, ['i64.load32_s', 'memory']],
  [0x36, ['i32.store', 'memory']],
  [0x38, ['f32.store', 'memory']],
  [0x3a, ['i32.store8', 'memory']],
  [0x3b, ['i32.store16', 'memory']],
  [0x41, ['i32.const', 'i32']],
  [0x42, ['i64.const', 'i64']],
  [0x43, ['f32.const', 'f32']],
  [0x45, ['i32.eqz', 'none']],
  [0x46, ['i32.eq', 'none']],
  [0x47, ['i32.ne', 'none']],
  [0x48, ['i32.lt_s', 'none']],
  [0x49, ['i32.lt_u', 'none']],
  [0x4a, ['i32.gt_s', 'none']],
  [0x4b, ['i32.gt_u', 'none']],
  [0x4c, ['i32.le_s', 'none']],
  [0x4d, ['i32.le_u', 'none']],
  [0x4e, ['i32.ge_s', 'none']],
  [0x4f, ['i32.ge_u', 'none']],
  [0x5b, ['f32.eq', 'none']],
  [0x5c, ['f32.ne', 'none']],
  [0x5d, ['f32.lt', 'none']],
  [0x5e, ['f32.gt', 'none']],
  [0x6a, ['i32.add', 'none']],
  [0x6b, ['i32.sub', 'none']],
  [0x6c, ['i32.mul', 'none']],
  [0x6d, ['i32.div_s', 'none']],
  [0x6e, ['i32.div_u', 'none']],
  [0x6f, ['i32.rem_s', 'none']],
  [0x70, ['i32.rem_u', 'none']],
  [0x71, ['i32.and', 'none']],
  [0x72, ['i32.or', 'none']],
  [0x73, ['i32.xor', 'none']],
  [0x74, ['i32.shl', 'none']],
  [0x75, ['i32.shr_s', 'none']],
  [0x76, ['i32.shr_u', 'none']],
  [0x7e, ['i64.mul', 'none']],
  [0x80, ['i64.div_u', 'none']],
  [0x91, ['f32.sqrt', 'none']],
  [0x92, ['f32.add', 'none']],
  [0x93, ['f32.sub', 'none']],
  [0x94, ['f32.mul', 'none']],
  [0x95, ['f32.div', 'none']],
  [0xa7, ['i32.wrap_i64', 'none']],
  [0xac, ['i64.extend_i32_s', 'none']],
  [0xad, ['i64.extend_i32_u', 'none']],
  [0xb2, ['f32.convert_i32_s', 'none']],
  [0xbe, ['f32.reinterpret_i32', 'none']],
]);

/** Prefix 0xfc. */
const BULK: Table = new Map<number, readonly [string, Immediate]>([[0x0b, ['memory.fill', 'byte']]]);

/** Prefix 0xfe: the barrier. They order threads; no arithmetic depends on them. */
const ATOMIC: Table = new Map<number, readonly [string, Immediate]>([
  [0x00, ['memory.atomic.notify', 'memory']],
  [0x01, ['memory.atomic.wait32', 'memory']],
  [0x10, ['i32.atomic.load', 'memory']],
  [0x17, ['i32.atomic.store', 'memory']],
  [0x1e, ['i32.atomic.rmw.add', 'memory']],
  [0x25, ['i32.atomic.rmw.sub', 'memory']],
  [0x48, ['i32.atomic.rmw.cmpxchg', 'memory']],
]);

/**
 * Prefix 0xfd. No f32x4.min and max: pmin and pmax are a comparison and a selection, so that no result depends on how an engine
 * treats NaN or the sign of zero. No conversion that traps or saturates a value that matters: §3 bounds the operand of trunc_sat.
 */
const SIMD: Table = new Map<number, readonly [string, Immediate]>([
  [0x00, ['v128.load', 'memory']],
  [0x01, ['v128.load8x8_s', 'memory']],
  [0x03, ['v128.load16x4_s', 'memory']],
  [0x04, ['v128.load16x4_u', 'memory']],
  [0x09, ['v128.load32_splat', 'memory']],
  [0x0a, ['v128.load64_splat', 'memory']],
  [0x0b, ['v128.store', 'memory']],
  [0x0c, ['v128.const', 'bytes16']],
  [0x0d, ['i8x16.shuffle', 'bytes16']],
  [0x0e, ['i8x16.swizzle', 'none']],
  [0x0f, ['i8x16.splat', 'none']],
  [0x11, ['i32x4.splat', 'none']],
  [0x13, ['f32x4.splat', 'none']],
  [0x1b, ['i32x4.extract_lane', 'lane']],
  [0x1f, ['f32x4.extract_lane', 'lane']],
  [0x20, ['f32x4.replace_lane', 'lane']],
  [0x39, ['i32x4.lt_s', 'none']],
  [0x3b, ['i32x4.gt_s', 'none']],
  [0x3f, ['i32x4.ge_s', 'none']],
  [0x4e, ['v128.and', 'none']],
  [0x50, ['v128.or', 'none']],
  [0x52, ['v128.bitselect', 'none']],
  [0x53, ['v128.any_true', 'none']],
  [0x65, ['i8x16.narrow_i16x8_s', 'none']],
  [0x6a, ['f32x4.nearest', 'none']],
  [0x6e, ['i8x16.add', 'none']],
  [0x7c, ['i16x8.extadd_pairwise_i8x16_s', 'none']],
  [0x7e, ['i32x4.extadd_pairwise_i16x8_s', 'none']],
  [0x85, ['i16x8.narrow_i32x4_s', 'none']],
  [0x89, ['i16x8.extend_low_i8x16_u', 'none']],
  [0x8a, ['i16x8.extend_high_i8x16_u', 'none']],
  [0x8b, ['i16x8.shl', 'none']],
  [0x8d, ['i16x8.shr_u', 'none']],
  [0x8e, ['i16x8.add', 'none']],
  [0xa7, ['i32x4.extend_low_i16x8_s', 'none']],
  [0xab, ['i32x4.shl', 'none']],
  [0xad, ['i32x4.shr_u', 'none']],
  [0xae, ['i32x4.add', 'none']],
  [0xb5, ['i32x4.mul', 'none']],
  [0xb8, ['i32x4.max_s', 'none']],
  [0xba, ['i32x4.dot_i16x8_s', 'none']],
  [0xe1, ['f32x4.neg', 'none']],
  [0xe4, ['f32x4.add', 'none']],
  [0xe5, ['f32x4.sub', 'none']],
  [0xe6, ['f32x4.mul', 'none']],
  [0xe7, ['f32x4.div', 'none']],
  [0xea, ['f32x4.pmin', 'none']],
  [0xeb, ['f32x4.pmax', 'none']],
  [0xf8, ['i32x4.trunc_sat_f32x4_s', 'none']],
  [0xfa, ['f32x4.convert_i32x4_s', 'none']],
  // Exact in its domain (specs/exact-1.md §10): the one relaxed operation, absent from the plain variant.
  [0x113, ['i32x4.relaxed_dot_i8x16_i7x16_add_s', 'none']],
]);

const PREFIXED: ReadonlyMap<number, Table> = new Map([
  [0xfc, BULK],
  [0xfd, SIMD],
  [0xfe, ATOMIC],
]);
const CODE_SECTION = 10;

class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined) throw new Error('the module ends in the middle');
    this.at += 1;
    return value;
  }

  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  skip(immediate: Immediate): void {
    if (immediate === 'leb' || immediate === 'i32' || immediate === 'i64' || immediate === 'block') this.leb();
    else if (immediate === 'memory') this.#memory();
    else this.at += { none: 0, f32: 4, bytes16: 16, lane: 1, byte: 1 }[immediate];
  }

  /** Alignment and offset; one memory only. */
  #memory(): void {
    if (this.leb() >= 64) throw new Error('an access to a second memory');
    this.leb();
  }
}

/** Opcode name → how often it stands in the code of `module`. Throws on an opcode that is not on the list. */
export function countOpcodes(module: Uint8Array): Map<string, number> {
  const counts = new Map<string, number>();
  const reader = new Reader(module, 8);
  while (reader.at < module.length) {
    const section = reader.byte();
    const end = reader.leb() + reader.at;
    if (section === CODE_SECTION) countSection(reader, counts);
    reader.at = end;
  }
  return counts;
}

function countSection(reader: Reader, counts: Map<string, number>): void {
  for (let functions = reader.leb(); functions > 0; functions -= 1) {
    const end = reader.leb() + reader.at;
    for (let groups = reader.leb(); groups > 0; groups -= 1) {
      reader.leb();
      reader.byte();
    }
    while (reader.at < end) {
      const first = reader.byte();
      const prefixed = PREFIXED.get(first);
      const code = prefixed === undefined ? first : reader.leb();
      const entry = (prefixed ?? CORE).get(code);
      if (entry === undefined)
        throw new Error(`opcode 0x${first.toString(16)} 0x${code.toString(16)} is not on the allow-list`);
      reader.skip(entry[1]);
      counts.set(entry[0], (counts.get(entry[0]) ?? 0) + 1);
    }
  }
}

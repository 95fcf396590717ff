// Reads a Wasm binary and names every opcode in it. The tables are the allow-list of contract exact-1: an opcode that is not in
// them is refused, because nobody has argued that it gives the same bits on every engine (specs/exact-1.md §10).

/** What follows an opcode in the binary. */
type Immediate = 'none' | 'leb' | 'memory' | 'block' | 'i32' | 'i64' | 'f32' | 'bytes16' | 'lane' | 'byte';

/** Deterministic by the core specification: integers, moves, and IEEE 754 operations that round correctly. */
const CORE: Readonly<Record<number, readonly [string, Immediate]>> = {
  2: ['block', 'block'],
  3: ['loop', 'block'],
  4: ['if', 'block'],
  5: ['else', 'none'],
  11: ['end', 'none'],
  12: ['br', 'leb'],
  13: ['br_if', 'leb'],
  15: ['return', 'none'],
  16: ['call', 'leb'],
  26: ['drop', 'none'],
  27: ['select', 'none'],
  32: ['local.get', 'leb'],
  33: ['local.set', 'leb'],
  34: ['local.tee', 'leb'],
  40: ['i32.load', 'memory'],
  42: ['f32.load', 'memory'],
  44: ['i32.load8_s', 'memory'],
  45: ['i32.load8_u', 'memory'],
  46: ['i32.load16_s', 'memory'],
  47: ['i32.load16_u', 'memory'],
  52: ['i64.load32_s', 'memory'],
  54: ['i32.store', 'memory'],
  56: ['f32.store', 'memory'],
  59: ['i32.store16', 'memory'],
  65: ['i32.const', 'i32'],
  66: ['i64.const', 'i64'],
  67: ['f32.const', 'f32'],
  69: ['i32.eqz', 'none'],
  70: ['i32.eq', 'none'],
  71: ['i32.ne', 'none'],
  72: ['i32.lt_s', 'none'],
  73: ['i32.lt_u', 'none'],
  74: ['i32.gt_s', 'none'],
  75: ['i32.gt_u', 'none'],
  76: ['i32.le_s', 'none'],
  77: ['i32.le_u', 'none'],
  78: ['i32.ge_s', 'none'],
  79: ['i32.ge_u', 'none'],
  91: ['f32.eq', 'none'],
  92: ['f32.ne', 'none'],
  93: ['f32.lt', 'none'],
  94: ['f32.gt', 'none'],
  106: ['i32.add', 'none'],
  107: ['i32.sub', 'none'],
  108: ['i32.mul', 'none'],
  109: ['i32.div_s', 'none'],
  113: ['i32.and', 'none'],
  114: ['i32.or', 'none'],
  115: ['i32.xor', 'none'],
  116: ['i32.shl', 'none'],
  117: ['i32.shr_s', 'none'],
  118: ['i32.shr_u', 'none'],
  126: ['i64.mul', 'none'],
  128: ['i64.div_u', 'none'],
  145: ['f32.sqrt', 'none'],
  146: ['f32.add', 'none'],
  147: ['f32.sub', 'none'],
  148: ['f32.mul', 'none'],
  149: ['f32.div', 'none'],
  167: ['i32.wrap_i64', 'none'],
  172: ['i64.extend_i32_s', 'none'],
  173: ['i64.extend_i32_u', 'none'],
  178: ['f32.convert_i32_s', 'none'],
  190: ['f32.reinterpret_i32', 'none'],
};

/** Prefix 0xfc. */
const BULK: typeof CORE = { 11: ['memory.fill', 'byte'] };

/** Prefix 0xfe: the barrier. They order threads; no arithmetic depends on them. */
const ATOMIC: typeof CORE = {
  0: ['memory.atomic.notify', 'memory'],
  1: ['memory.atomic.wait32', 'memory'],
  16: ['i32.atomic.load', 'memory'],
  23: ['i32.atomic.store', 'memory'],
  30: ['i32.atomic.rmw.add', 'memory'],
  37: ['i32.atomic.rmw.sub', 'memory'],
  72: ['i32.atomic.rmw.cmpxchg', 'memory'],
};

/**
 * Prefix 0xfd. No f32x4.min and max: pmin and pmax are a comparison and a selection, so that no result depends on how an engine
 * treats NaN or the sign of zero. No conversion that traps or saturates a value that matters: §3 bounds the operand of trunc_sat.
 */
const SIMD: typeof CORE = {
  0: ['v128.load', 'memory'],
  1: ['v128.load8x8_s', 'memory'],
  3: ['v128.load16x4_s', 'memory'],
  4: ['v128.load16x4_u', 'memory'],
  9: ['v128.load32_splat', 'memory'],
  10: ['v128.load64_splat', 'memory'],
  11: ['v128.store', 'memory'],
  12: ['v128.const', 'bytes16'],
  13: ['i8x16.shuffle', 'bytes16'],
  15: ['i8x16.splat', 'none'],
  17: ['i32x4.splat', 'none'],
  19: ['f32x4.splat', 'none'],
  27: ['i32x4.extract_lane', 'lane'],
  31: ['f32x4.extract_lane', 'lane'],
  57: ['i32x4.lt_s', 'none'],
  59: ['i32x4.gt_s', 'none'],
  63: ['i32x4.ge_s', 'none'],
  78: ['v128.and', 'none'],
  80: ['v128.or', 'none'],
  82: ['v128.bitselect', 'none'],
  83: ['v128.any_true', 'none'],
  101: ['i8x16.narrow_i16x8_s', 'none'],
  106: ['f32x4.nearest', 'none'],
  110: ['i8x16.add', 'none'],
  124: ['i16x8.extadd_pairwise_i8x16_s', 'none'],
  126: ['i32x4.extadd_pairwise_i16x8_s', 'none'],
  133: ['i16x8.narrow_i32x4_s', 'none'],
  137: ['i16x8.extend_low_i8x16_u', 'none'],
  138: ['i16x8.extend_high_i8x16_u', 'none'],
  141: ['i16x8.shr_u', 'none'],
  142: ['i16x8.add', 'none'],
  171: ['i32x4.shl', 'none'],
  173: ['i32x4.shr_u', 'none'],
  174: ['i32x4.add', 'none'],
  184: ['i32x4.max_s', 'none'],
  186: ['i32x4.dot_i16x8_s', 'none'],
  225: ['f32x4.neg', 'none'],
  228: ['f32x4.add', 'none'],
  229: ['f32x4.sub', 'none'],
  230: ['f32x4.mul', 'none'],
  231: ['f32x4.div', 'none'],
  234: ['f32x4.pmin', 'none'],
  235: ['f32x4.pmax', 'none'],
  248: ['i32x4.trunc_sat_f32x4_s', 'none'],
  250: ['f32x4.convert_i32x4_s', 'none'],
  // Exact in its domain (specs/exact-1.md §10): the one relaxed operation, absent from the plain variant.
  275: ['i32x4.relaxed_dot_i8x16_i7x16_add_s', 'none'],
};

const PREFIXED: Readonly<Record<number, typeof CORE>> = { 252: BULK, 253: SIMD, 254: ATOMIC };
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
      const table = PREFIXED[first] ?? CORE;
      const code = PREFIXED[first] === undefined ? first : reader.leb();
      const entry = table[code];
      if (entry === undefined)
        throw new Error(`opcode 0x${first.toString(16)} 0x${code.toString(16)} is not on the allow-list`);
      reader.skip(entry[1]);
      counts.set(entry[0], (counts.get(entry[0]) ?? 0) + 1);
    }
  }
}

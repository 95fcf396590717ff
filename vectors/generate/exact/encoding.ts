// How numbers are written in vectors/exact-1: the bits of an f32 as 8, of an f64 as 16 hex digits, most significant first.

/** Bits of one f32. */
export function f32Hex(value: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, '0');
}

/** Bits of one f64. */
export function f64Hex(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

/** Bits of many f32, one after the other. */
export function f32List(values: Iterable<number>): string {
  return [...values].map(f32Hex).join(' ');
}

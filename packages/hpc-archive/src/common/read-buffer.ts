/**
 * malloc(3) puts what is mapped for it 16 bytes behind the start of a page; with these it is
 * usually 64 (the allocator may place it otherwise, which costs speed only).
 */
const PAST_ALIASES = 48;

/**
 * A large buffer that files are read to. The kernel copies from the start of a page, and processors
 * take loads for dependent on stores that lie less than 32 bytes ahead modulo 4 KiB: 16 bytes
 * behind the start of a page, where such a buffer would begin, a copy takes three times as long.
 */
export function readBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(PAST_ALIASES + bytes).subarray(PAST_ALIASES);
}

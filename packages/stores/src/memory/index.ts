/**
 * Doubles of the stores for tests and simulations: the same rules, no disk, and a crash on demand.
 *
 * @packageDocumentation
 */
export { MemoryGrantBox } from "./grant-box.ts";
export { MemoryMeterStore } from "./meter-store.ts";
export { MemoryServerStore } from "./server-store.ts";

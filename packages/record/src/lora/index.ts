/**
 * The LoRa profile: signed records, light readings, checkpoints and receipts in frames of 51 to 242
 * bytes. What a device's address and the port imply is not sent; the other side puts it back, and has
 * the bytes that were signed. Pure and browser-safe. Frozen in vectors/lora (docs/adr/0038).
 *
 * @packageDocumentation
 */
export {
    type Checkpoint,
    checkpointOf,
    compactPlace,
    compactRecord,
    parseCheckpoint,
    rebuildCovered,
    rebuildRecord,
} from "./compact.ts";
export { FragmentJoiner, fragmentsOf, type PortContent } from "./fragments.ts";
export { type LightReading, lightOf, openLight, sealLight } from "./light.ts";
export { LORA_PORT, type LoraProfile } from "./profile.ts";
export {
    compactReceipt,
    decodeAsk,
    encodeAsk,
    type LoraAsk,
    type ReceiptContext,
    rebuildReceipt,
} from "./receipt.ts";
export { type LoraDevice, LoraReceiver, type LoraRecord, type LoraTaken } from "./receiver.ts";
export {
    decodeLoraState,
    decodeProvisional,
    encodeLoraState,
    encodeProvisional,
    type LoraState,
    newLoraState,
} from "./receiver-state.ts";

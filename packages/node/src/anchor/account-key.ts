import { toHex } from "@meterseal/core";
import { type Address, keySigner } from "@meterseal/engines/evm";
import { systemRandom } from "../clocks.ts";

/** A new key for an account, as the text of its file, and the account's address. */
export function makeAccountKey(): { readonly address: Address; readonly text: string } {
    const key = systemRandom.bytes(32);
    return { address: keySigner(key).address, text: `${toHex(key)}\n` };
}

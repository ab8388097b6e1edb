import { error } from "@meterseal/core";
import { NETWORK_ID, parseNetworkId } from "../device/device.ts";
import { type OptionSpec, type Options, textOption } from "./arguments.ts";

/** `--network` of whoever makes keys for a network. */
export const NETWORK_OPTION: OptionSpec = {
    kind: "value",
    value: "ID",
    help: "network that it keeps to, as its operator names it (the one of the first answer)",
};

/** Network id of `--network`, 32 bytes; null where it is not given. MS_USAGE for another text. */
export function networkOption(options: Options): Uint8Array | null {
    return hashOption(options, "network");
}

/** Hash that an option names, 32 bytes; null where it is not given. MS_USAGE for another text. */
export function hashOption(options: Options, name: string): Uint8Array | null {
    const text = textOption(options, name);
    if (text === undefined) return null;
    const hash = parseNetworkId(text.toLowerCase()); // other programs write capitals
    if (hash !== null) return hash;
    throw error("MS_USAGE", { expected: `--${name} with ${NETWORK_ID}`, got: text });
}

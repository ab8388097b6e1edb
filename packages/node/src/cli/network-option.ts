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
    const text = textOption(options, "network");
    if (text === undefined) return null;
    const network = parseNetworkId(text);
    if (network !== null) return network;
    throw error("MS_USAGE", { expected: `--network with ${NETWORK_ID}`, got: text });
}

import { error } from "@meterseal/core";
import type { SigningKind } from "../device/device.ts";
import { type OptionSpec, type Options, textOption } from "./arguments.ts";

/** Signature algorithms of meters by their names in COSE. */
const KINDS: Readonly<Record<string, SigningKind>> = { ES256: "es256", PS256: "ps256" };

/** `--algorithm` of whoever makes a meter's key, with what stands where it is not given. */
export function algorithmOptionSpec(byDefault: string): OptionSpec {
    const help = `signature algorithm: ES256, or PS256 with RSA-2048 (${byDefault})`;
    return { kind: "value", value: "NAME", help };
}

/** Kind of key that `--algorithm` names; undefined where it is not given. MS_USAGE for another name. */
export function algorithmOption(options: Options): SigningKind | undefined {
    const text = textOption(options, "algorithm");
    if (text === undefined) return undefined;
    const kind = Object.hasOwn(KINDS, text) ? KINDS[text] : undefined;
    if (kind !== undefined) return kind;
    throw error("MS_USAGE", { expected: "--algorithm ES256 or PS256", got: text });
}

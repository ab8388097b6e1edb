import type { Result, Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** Largest body of a tariff, bytes: a whole message still fits its limit. */
const TARIFF_BYTES = 64_512;

/** A tariff as a provider publishes it on the ledger. */
export type TariffPayload = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** The provider, 16 bytes. */
    readonly party: Uint8Array;
    readonly timeUnix: number;
    /** Prices and times: one item of deterministic CBOR, at most {@link TARIFF_BYTES}. */
    readonly body: Uint8Array;
};

/** A parsed tariff, its body as bytes, and the message that carries it; its hash is the tariff's name. */
export type TariffMessage = TariffPayload & { readonly message: Sign1 };

/** Signs a tariff with the provider's key. */
export function createTariff(signer: Signer, payload: TariffPayload): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.party],
        [2, payload.timeUnix],
        [3, payload.body],
    ]);
    return createSign1(signer, MESSAGE_TYPE.tariff, encodeCbor(map));
}

/** Parses a tariff strictly but for what its body says; the signature is not checked. */
export function parseTariff(bytes: Uint8Array): Result<TariffMessage> {
    const message = parseSign1(bytes, MESSAGE_TYPE.tariff);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "tariff");
        const body = map.bytes(3, 1, TARIFF_BYTES);
        decodeCbor(body);
        const tariff = {
            network: map.bytes(0, 32),
            party: map.bytes(1, 16),
            timeUnix: map.integer(2, 0, Number.MAX_SAFE_INTEGER),
            body,
            message: message.value,
        };
        map.end();
        return tariff;
    });
}

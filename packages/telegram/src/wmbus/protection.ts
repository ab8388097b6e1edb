import { refuse } from "../result.ts";
import type { AuthenticationLayer, Layers, TransportLayer } from "./layers.ts";

/** AES-128 as wireless meters use it, from the platform. */
export type WirelessCrypto = {
    /** AES-128-CBC without padding. */
    decryptCbc(parts: {
        /** 16 bytes. */
        readonly key: Uint8Array;
        /** 16 bytes. */
        readonly iv: Uint8Array;
        /** Whole blocks. */
        readonly ciphertext: Uint8Array;
    }): Uint8Array;
    /** AES-128-CMAC (RFC 4493), 16 bytes. */
    cmac(key: Uint8Array, message: Uint8Array): Uint8Array;
};

/** The key of a meter and what opens its frames with it. */
export type WirelessKey = {
    /** 16 bytes, from the meter's owner. */
    readonly key: Uint8Array;
    readonly crypto: WirelessCrypto;
};

const BLOCK = 16;
/** Two filler bytes that a right key opens first (EN 13757-7 section 7.7). */
const FILLER = 0x2f;
/** Uses of a key that is derived from the meter's (EN 13757-7 section 9.5.2). */
const DERIVED = { encryption: 0, authentication: 1 };

/** Data of a meter in the open. */
export type OpenData = {
    readonly data: Uint8Array;
    /** Counter of the message, where a MAC under the meter's key covers both, and fits; null elsewhere. */
    readonly messageCounter: number | null;
};

/**
 * Opens the data behind a transport layer: mode 0 as they are, mode 5 by the meter's key, mode 7 by a
 * key derived for each message, whose MAC is checked first. Who has a key takes nothing in the open,
 * and after a message of mode 7 nothing without a MAC and a higher counter. For use inside `attempt`.
 * @param address - of the meter, 8 bytes in the order of the link layer.
 * @param lastCounter - of the last message of mode 7, or -1 before the first.
 */
export function openData(
    layers: Layers,
    address: Uint8Array,
    key: WirelessKey | null,
    lastCounter: number,
): OpenData {
    const { transport } = layers;
    // What a receiver decrypted already begins with the filler, and so do bare data. What a MAC
    // covered was other bytes.
    if (transport.mode === 0 || isOpen(transport.data)) {
        if (key !== null)
            refuse("unprotected", "configuration field", "encrypted data, since there is a key");
        return { data: transport.data, messageCounter: null };
    }
    if (transport.mode !== 5 && transport.mode !== 7)
        refuse("unsupported", "configuration field", "encryption mode 0, 5 or 7");
    if (key === null) refuse("key-needed", "configuration field", "the meter's key");
    if (transport.mode === 5 && lastCounter >= 0)
        refuse("unprotected", "configuration field", "mode 7, as the meter had before");
    const { data, encryptedBytes } = transport;
    if (encryptedBytes === 0 || encryptedBytes > data.length)
        refuse("truncated", "encrypted data", `${encryptedBytes} bytes`);
    const parts =
        transport.mode === 5
            ? { key: key.key, iv: initialVector(address, transport) }
            : { key: messageKey(layers, address, key), iv: new Uint8Array(BLOCK) };
    const opened = key.crypto.decryptCbc({
        ...parts,
        ciphertext: data.subarray(0, encryptedBytes),
    });
    if (!isOpen(opened))
        refuse("tag", "encrypted data", "2f2f in front: another key, or altered bytes");
    // Behind the encrypted blocks of mode 5 anybody may write on.
    if (transport.mode === 5) return { data: opened, messageCounter: null };
    const messageCounter = counterOf(layers);
    if (messageCounter <= lastCounter)
        refuse("replay", "message counter", `a counter above ${lastCounter}`);
    const whole = new Uint8Array(data.length);
    whole.set(opened);
    whole.set(data.subarray(encryptedBytes), encryptedBytes);
    return { data: whole, messageCounter };
}

function isOpen(data: Uint8Array): boolean {
    return data[0] === FILLER && data[1] === FILLER;
}

/** Address, then eight times the access number (mode 5, EN 13757-7 section 7.7.4). */
function initialVector(address: Uint8Array, { accessNumber }: TransportLayer): Uint8Array {
    const iv = new Uint8Array(BLOCK).fill(accessNumber);
    iv.set(address);
    return iv;
}

function messageKey(layers: Layers, address: Uint8Array, key: WirelessKey): Uint8Array {
    const authentication = authenticationOf(layers);
    checkMac(authentication, address, key);
    return derive(DERIVED.encryption, authentication, address, key);
}

function authenticationOf({ authentication }: Layers): AuthenticationLayer {
    return (
        authentication ?? refuse("malformed", "layers", "a message counter, as mode 7 must have")
    );
}

function counterOf(layers: Layers): number {
    const { counter } = authenticationOf(layers);
    return new DataView(counter.buffer, counter.byteOffset, counter.length).getUint32(0, true);
}

/** The first 8 bytes of the CMAC over message control, counter and all from the transport layer on. */
function checkMac(layer: AuthenticationLayer, address: Uint8Array, key: WirelessKey): void {
    const { counter, covered, mac, messageControl } = layer;
    const message = Uint8Array.of(messageControl, ...counter, ...covered);
    const macKey = derive(DERIVED.authentication, layer, address, key);
    const computed = key.crypto.cmac(macKey, message);
    let difference = 0;
    for (let i = 0; i < mac.length; i++) difference |= (mac[i] as number) ^ (computed[i] as number);
    if (difference !== 0) refuse("tag", "authentication layer", "a MAC that fits key and message");
}

/** CMAC over use, counter, identification, and seven times their number of missing bytes. */
function derive(
    use: number,
    { counter }: AuthenticationLayer,
    address: Uint8Array,
    { crypto, key }: WirelessKey,
): Uint8Array {
    const input = new Uint8Array(BLOCK).fill(7);
    input[0] = use;
    input.set(counter, 1);
    input.set(address.subarray(2, 6), 5);
    return crypto.cmac(key, input);
}

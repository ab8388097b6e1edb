import { ByteReader } from "../mbus/blocks.ts";
import { refuse } from "../result.ts";

/** Authentication and fragmentation layer (EN 13757-7 section 6). */
export type AuthenticationLayer = {
    /** Message control: which authentication was used. */
    readonly messageControl: number;
    /** Message counter, 4 bytes as sent. */
    readonly counter: Uint8Array;
    /** Start of the message's CMAC, 8 bytes. */
    readonly mac: Uint8Array;
    /** What the MAC covers after its own fields: from the transport layer's CI field on. */
    readonly covered: Uint8Array;
};

/** Transport layer: who speaks, and how the data behind it are protected (EN 13757-7 section 7). */
export type TransportLayer = {
    /** Manufacturer, identification, version, medium as in the link layer; null in a short header. */
    readonly address: Uint8Array | null;
    readonly accessNumber: number;
    readonly status: number;
    /** Encryption mode, 0 none. */
    readonly mode: number;
    /** Encrypted bytes at the front of the data. */
    readonly encryptedBytes: number;
    readonly data: Uint8Array;
};

/** What stands in front of the meter's data. */
export type Layers = {
    readonly authentication: AuthenticationLayer | null;
    readonly transport: TransportLayer;
};

const CI = {
    extendedLink: 0x8c,
    encryptedLink: [0x8d, 0x8e, 0x8f],
    authentication: 0x90,
    longHeader: 0x72,
    shortHeader: 0x7a,
    noHeader: 0x78,
};
/** Fields of the authentication layer that a message on one frame has: control, counter, MAC. */
const FRAGMENTATION = 0x2c00;
const MAC_BYTES = 8;
const BLOCK = 16;

/** Reads the layers from the first CI field on. For use inside `attempt`. */
export function readLayers(data: Uint8Array): Layers {
    const reader = new ByteReader(data);
    let authentication: AuthenticationLayer | null = null;
    for (;;) {
        const start = reader.at;
        const information = reader.byte("a CI field");
        if (information === CI.extendedLink) reader.bytes(2, "the extended link layer");
        else if (information === CI.authentication)
            authentication = readAuthentication(reader, data);
        else if (CI.encryptedLink.includes(information))
            refuse("unsupported", `byte ${start}`, "a link layer that is not encrypted");
        else return { authentication, transport: readTransport(information, reader, data) };
    }
}

function readAuthentication(reader: ByteReader, data: Uint8Array): AuthenticationLayer {
    const start = reader.at;
    const length = reader.byte("the length of the authentication layer");
    const [low = 0, high = 0] = reader.bytes(2, "fragmentation control");
    if (length !== 2 + 1 + 4 + MAC_BYTES || (low | (high << 8)) !== FRAGMENTATION)
        refuse("unsupported", `byte ${start}`, "a whole message with counter and 8 bytes of MAC");
    const messageControl = reader.byte("message control");
    const counter = reader.bytes(4, "a message counter");
    const mac = reader.bytes(MAC_BYTES, "a MAC");
    return { messageControl, counter, mac, covered: data.subarray(reader.at) };
}

function readTransport(information: number, reader: ByteReader, data: Uint8Array): TransportLayer {
    const rest = { address: null, accessNumber: 0, status: 0, mode: 0, encryptedBytes: 0 };
    if (information === CI.noHeader) return { ...rest, data: data.subarray(reader.at) };
    if (information !== CI.longHeader && information !== CI.shortHeader)
        refuse("unsupported", `byte ${reader.at - 1}`, "72, 78 or 7a: a meter's data");
    const address =
        information === CI.longHeader ? linkOrder(reader.bytes(8, "a meter's address")) : null;
    const accessNumber = reader.byte("an access number");
    const status = reader.byte("a status");
    const [low = 0, high = 0] = reader.bytes(2, "a configuration field");
    const mode = high & 0x1f;
    if (mode === 7) reader.bytes(1, "the extension of the configuration field");
    return {
        address,
        accessNumber,
        status,
        mode,
        encryptedBytes: (low >> 4) * BLOCK,
        data: data.subarray(reader.at),
    };
}

/** The long header has the identification first, the link layer the manufacturer. */
function linkOrder(address: Uint8Array): Uint8Array {
    const ordered = new Uint8Array(8);
    ordered.set(address.subarray(4, 6), 0);
    ordered.set(address.subarray(0, 4), 2);
    ordered.set(address.subarray(6, 8), 6);
    return ordered;
}

import { createSocket, type Socket } from "node:dgram";
import { fromHex } from "@meterseal/core";
import type { ForwardedDevice } from "@meterseal/links/lorawan";
import lora from "lora-packet";

// The package declares a default that its module is itself.
const { decrypt, fromFields, fromWire, verifyMIC } = lora as unknown as typeof lora.default;

/** A frame that a device got in its receive window. */
export type ReceivedFrame = {
    readonly port: number | null;
    readonly content: Uint8Array;
    readonly acknowledges: boolean;
    readonly hasMore: boolean;
};

/** How a device sends. */
export type SendOptions = {
    readonly port: number;
    readonly content: Uint8Array;
    readonly confirmed?: boolean;
    /** Such as SF12BW125. */
    readonly dataRate?: string;
    /** Frame counter; the next one by default. */
    readonly counter?: number;
};

const LOOPBACK = "127.0.0.1";
const TOKEN_BYTES = 2;

/**
 * A LoRaWAN gateway with its packet forwarder, and the air around it: devices of class A send frames
 * that another implementation makes and checks, and hear what is sent in their receive window. Losses
 * are for the caller to make, by not sending.
 */
export class LoraGateway {
    readonly eui: string;
    readonly #socket: Socket = createSocket("udp4");
    readonly #target: number;
    /** What was sent to devices, oldest first, and not fetched yet. */
    readonly #sent: Uint8Array[] = [];
    readonly #waiters: (() => void)[] = [];
    #token = 0;
    #clockUs = 0;
    #acks = 0;
    /** What the gateway says of the next frame that it is to send, such as TOO_LATE; null sends it. */
    fault: string | null = null;

    /** @param target - port of the bridge on the loopback. */
    constructor(target: number, eui = "aa555a0000000101") {
        this.#target = target;
        this.eui = eui;
    }

    /** Begins to listen for frames to send; resolves when the bridge knows where this gateway is. */
    async open(): Promise<void> {
        await new Promise<void>((resolve) => this.#socket.bind(0, LOOPBACK, resolve));
        this.#socket.on("message", (datagram) => this.#take(new Uint8Array(datagram)));
        await this.pull();
    }

    /** Says where this gateway is; resolves when a bridge has heard it. */
    async pull(): Promise<void> {
        const before = this.#acks;
        this.#say(2, new Uint8Array());
        await this.#until(() => this.#acks > before);
    }

    /** Passes on a frame that a device sent; resolves when the bridge has acknowledged it. */
    async hear(frame: Uint8Array, dataRate = "SF9BW125", stat = 1): Promise<void> {
        const before = this.#acks;
        this.#clockUs += 5_000_000;
        const rxpk = [
            {
                tmst: this.#clockUs % 2 ** 32,
                freq: 868.1,
                chan: 0,
                rfch: 0,
                stat,
                modu: "LORA",
                datr: dataRate,
                codr: "4/5",
                rssi: -57,
                lsnr: 9.2,
                size: frame.length,
                data: Buffer.from(frame).toString("base64"),
            },
        ];
        this.#say(0, Buffer.from(JSON.stringify({ rxpk })));
        await this.#until(() => this.#acks > before);
    }

    /** Sends bytes as they are to the bridge. */
    raw(datagram: Uint8Array): void {
        this.#socket.send(datagram, this.#target, LOOPBACK);
    }

    /** The next frame that was sent to a device. */
    async sent(): Promise<Uint8Array> {
        await this.#until(() => this.#sent.length > 0);
        return this.#sent.shift() as Uint8Array;
    }

    /** How many frames wait to be fetched by {@link sent}. */
    get sentCount(): number {
        return this.#sent.length;
    }

    /** Ends the gateway. */
    close(): Promise<void> {
        return new Promise((resolve) => this.#socket.close(() => resolve()));
    }

    #say(kind: number, text: Uint8Array, token = this.#nextToken()): void {
        this.raw(
            Buffer.concat([Uint8Array.of(2), token, Uint8Array.of(kind), fromHex(this.eui), text]),
        );
    }

    #nextToken(): Uint8Array {
        this.#token = (this.#token + 1) % 0x1_0000;
        return Uint8Array.of(this.#token >> 8, this.#token & 255);
    }

    #take(datagram: Uint8Array): void {
        const kind = datagram[3];
        if (kind === 1 || kind === 4) this.#acks++;
        else if (kind === 3) this.#transmit(datagram);
        for (const waiter of this.#waiters.splice(0)) waiter();
    }

    #transmit(datagram: Uint8Array): void {
        const { txpk } = JSON.parse(Buffer.from(datagram.subarray(4)).toString());
        const error = this.fault ?? "NONE";
        this.fault = null;
        const text = Buffer.from(JSON.stringify({ txpk_ack: { error } }));
        this.#say(5, text, datagram.subarray(1, 1 + TOKEN_BYTES));
        if (error === "NONE") this.#sent.push(new Uint8Array(Buffer.from(txpk.data, "base64")));
    }

    async #until(isDone: () => boolean): Promise<void> {
        while (!isDone()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
}

/** A device of class A with a session that was made by hand; its frames are made by lora-packet. */
export class LoraRadio {
    readonly #device: ForwardedDevice;
    readonly #gateway: LoraGateway;
    #counter = 0;
    #downCounter = -1;

    constructor(device: ForwardedDevice, gateway: LoraGateway) {
        this.#device = device;
        this.#gateway = gateway;
    }

    /** Bytes of the next frame; the counter goes on. */
    frame({ confirmed = false, content, counter, port }: SendOptions): Uint8Array {
        const number = counter ?? this.#counter;
        this.#counter = number + 1;
        const high = Buffer.alloc(2);
        high.writeUInt16LE(number >>> 16);
        const packet = fromFields(
            {
                MType: confirmed ? "Confirmed Data Up" : "Unconfirmed Data Up",
                DevAddr: this.#address,
                FCtrl: { ADR: false, ACK: false, ADRACKReq: false, FPending: false },
                FCnt: number & 0xffff,
                FPort: port,
                payload: Buffer.from(content),
            },
            ...this.#keys,
            undefined,
            high,
        );
        return new Uint8Array(packet.getPHYPayload() as Buffer);
    }

    /** Sends a frame through the gateway. */
    async send(options: SendOptions): Promise<void> {
        await this.#gateway.hear(this.frame(options), options.dataRate);
    }

    /** The next frame for this device, its check made and its content decrypted. */
    async receive(): Promise<ReceivedFrame> {
        const packet = fromWire(Buffer.from(await this.#gateway.sent()));
        const counter = packet.getFCnt() ?? 0;
        const [applicationKey, networkKey] = this.#keys;
        if (!verifyMIC(packet, networkKey)) throw new Error("a downlink whose check does not fit");
        if (counter <= this.#downCounter) throw new Error("a downlink counter again");
        this.#downCounter = counter;
        const port = packet.getFPort();
        const content = decrypt(packet, applicationKey, networkKey) ?? Buffer.alloc(0);
        return {
            port,
            content: port === null ? new Uint8Array() : new Uint8Array(content),
            acknowledges: packet.getFCtrlACK() === true,
            hasMore: packet.getFCtrlFPending() === true,
        };
    }

    get #address(): Buffer {
        const address = Buffer.alloc(4);
        address.writeUInt32BE(this.#device.devAddr);
        return address;
    }

    get #keys(): [Buffer, Buffer] {
        return [Buffer.from(this.#device.applicationKey), Buffer.from(this.#device.networkKey)];
    }
}

import type { LinkHandler } from "@meterseal/core";
import type {
    AedesPublishPacket,
    AuthenticateError,
    Client,
    Connection,
    ConnectPacket,
    PublishPacket,
    Subscription,
} from "aedes";
import { isSubjectHex } from "../meter-options.ts";
import { withTimeLimit } from "../time-limit.ts";
import type { MqttCollectorSettings } from "./collector-options.ts";
import type { Peer } from "./peer.ts";
import { maySubscribe, publishTopicKind } from "./topics.ts";

type Done = (cause?: Error | null) => void;

/** Largest payload of a `state` message in bytes. */
const STATE_BYTES = 64;

/**
 * What a peer may do at the broker: present a token, send its own messages, read its own receipts
 * and commands. Every hook calls back, in bounded time; an error there ends the connection.
 */
export class AccessRules {
    readonly #settings: MqttCollectorSettings;
    readonly #handler: LinkHandler;
    readonly #peerOf: (connection: Connection) => Peer | undefined;

    constructor(
        settings: MqttCollectorSettings,
        handler: LinkHandler,
        peerOf: (connection: Connection) => Peer | undefined,
    ) {
        this.#settings = settings;
        this.#handler = handler;
        this.#peerOf = peerOf;
    }

    /** Looks at CONNECT before anything is done for it; session and keepalive become ours. */
    preConnect(
        client: Client,
        packet: ConnectPacket,
        done: (cause: Error | null, ok: boolean) => void,
    ): void {
        const refused = this.#whyNoConnect(packet);
        packet.clean = true; // what must not get lost is sent again: no queue for the absent
        const longest = this.#settings.maxKeepaliveSeconds;
        const keepalive = Math.min(packet.keepalive || longest, longest);
        packet.keepalive = 0; // the broker does not see all packets: the gate keeps the time
        this.#peerOf(client.conn)?.gate?.limitSilence(keepalive * 1_500);
        done(refused, refused === null);
    }

    /** Whether the token allows to act as the subject that client id and user name give. */
    async authenticate(
        client: Client,
        username: string | undefined,
        password: Buffer | undefined,
    ): Promise<boolean> {
        const peer = this.#peerOf(client.conn);
        if (peer === undefined || password === undefined) return false;
        if (username !== client.id) return false;
        const token = new Uint8Array(password);
        const answer = this.#handler.authenticate(client.id, token);
        const limit = this.#settings.connectTimeoutMs;
        const allowed = await withTimeLimit(answer, limit, "the check of a link token");
        if (allowed) peer.subjectHex = client.id;
        return allowed;
    }

    /** Takes one message of a meter, in bounded time. */
    receive(subjectHex: string, message: Uint8Array): Promise<void> {
        return withTimeLimit(
            Promise.resolve().then(() => this.#handler.receive(subjectHex, message)),
            this.#settings.receiveTimeoutMs,
            "taking a message",
        );
    }

    /** Decides on what a peer publishes beside its messages: its own state, nothing else. */
    publish(client: Client | null, packet: PublishPacket, done: Done): void {
        const peer = client === null ? undefined : this.#peerOf(client.conn);
        const subject = peer?.subjectHex ?? "";
        const kind = publishTopicKind(this.#settings.tenant, subject, packet.topic);
        const allowed = kind === "state" && packet.qos < 2 && packet.payload.length <= STATE_BYTES;
        done(allowed ? null : new Error(`may not publish to ${packet.topic.slice(0, 100)}`));
    }

    /** Grants own receipts and commands; anything else ends the connection. */
    subscribe(
        client: Client,
        subscription: Subscription,
        done: (cause: Error | null, granted?: Subscription | null) => void,
    ): void {
        const { topic } = subscription;
        if (maySubscribe(this.#settings.tenant, client.id, topic)) done(null, subscription);
        else done(new Error(`may not subscribe to ${topic.slice(0, 100)}`));
    }

    /** Lets only own receipts and commands out to a client. */
    forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
        return maySubscribe(this.#settings.tenant, client.id, packet.topic) ? packet : null;
    }

    #whyNoConnect({ will, clientId }: ConnectPacket): Error | null {
        if (!isSubjectHex(clientId)) return new Error("client id is no subject");
        if (will === undefined) return null;
        const kind = publishTopicKind(this.#settings.tenant, clientId, will.topic);
        const isState =
            kind === "state" && will.payload.length <= STATE_BYTES && (will.qos ?? 0) < 2;
        return isState ? null : new Error("last will other than the own state");
    }
}

function asError(cause: unknown): Error {
    return cause instanceof Error ? cause : new Error(String(cause));
}

/** Form in which the broker takes a failed check of a token: CONNACK code 3, server unavailable. */
export function refusal(cause: unknown): AuthenticateError {
    return Object.assign(asError(cause), { returnCode: 3 });
}

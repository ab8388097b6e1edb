import { error } from "@meterseal/core";
import type { ModbusFraming } from "./framing.ts";
import {
    decodeAnswer,
    encodeRequest,
    REGISTERS_MAX,
    type ReadAnswer,
    type ReadRequest,
} from "./pdu.ts";

/** Takes what comes on a line; null where it ended, and why. */
export type LineTaker = (bytes: Uint8Array | null, reason?: string) => void;

/** A line to a device: bytes in both directions, opened anew after each fault. */
export type ModbusLine = {
    write(bytes: Uint8Array): void;
    /** Called with what comes; once more with null when the line ends. */
    onBytes(take: LineTaker): void;
    close(): void;
};

/** What a client needs. */
export type ModbusClientOptions = {
    /** Opens the line; rejects where that fails. */
    readonly open: () => Promise<ModbusLine>;
    readonly framing: ModbusFraming;
    /** Longest wait for an answer, in milliseconds. */
    readonly answerMs: number;
    /** How the device is called in errors. */
    readonly where: string;
};

/** More than the longest frame: what comes beyond it is no answer. */
const RECEIVED_BYTES_MAX = 512;

/**
 * Master of a Modbus line: one request at a time. A fault closes the line, so that no late answer is
 * taken for another one; the next request opens it again.
 */
export class ModbusClient {
    readonly #options: ModbusClientOptions;
    #line: ModbusLine | null = null;
    /** Takes what comes for the request under way; null while there is none. */
    #take: LineTaker | null = null;

    /** Opens nothing yet: the first request does. */
    constructor(options: ModbusClientOptions) {
        this.#options = options;
    }

    /**
     * Reads registers; calls one after the other.
     * @throws MetersealError MS_LINK where the line fails, the device is silent, or what comes is no answer.
     */
    async read(request: ReadRequest): Promise<ReadAnswer> {
        if (request.count < 1 || request.count > REGISTERS_MAX)
            throw error("MS_USAGE", { expected: `1 … ${REGISTERS_MAX} registers` });
        const { where } = this.#options;
        try {
            this.#line ??= await this.#open();
            return await this.#exchange(this.#line, request);
        } catch (cause) {
            this.close();
            const got = cause instanceof Error ? cause.message : String(cause);
            throw error("MS_LINK", { where, got, cause });
        }
    }

    /** Closes the line; a request under way fails. */
    close(): void {
        this.#line?.close();
        this.#line = null;
        this.#take?.(null, "closed");
    }

    async #open(): Promise<ModbusLine> {
        const line = await this.#options.open();
        line.onBytes((bytes, reason) => {
            if (this.#line !== line) return; // one that was given up
            this.#take?.(bytes, reason);
            if (bytes === null) this.close();
        });
        const { settleMs } = this.#options.framing;
        if (settleMs > 0) await new Promise((done) => setTimeout(done, settleMs));
        return line;
    }

    #exchange(line: ModbusLine, request: ReadRequest): Promise<ReadAnswer> {
        const { answerMs, framing } = this.#options;
        let received = new Uint8Array(0);
        return new Promise<ReadAnswer>((resolve, reject) => {
            const end = (settle: () => void): void => {
                clearTimeout(timer);
                this.#take = null;
                settle();
            };
            const fail = (reason: string): void => end(() => reject(new Error(reason)));
            const timer = setTimeout(() => fail(`no answer within ${answerMs} ms`), answerMs);
            this.#take = (bytes, reason = "the line ended") => {
                received = Uint8Array.from([...received, ...(bytes ?? [])]);
                const pdu = framing.parse(received);
                const answer = typeof pdu === "string" ? null : decodeAnswer(pdu, request);
                if (bytes === null) fail(reason);
                else if (answer !== null) end(() => resolve(answer));
                else if (pdu !== "more" || received.length > RECEIVED_BYTES_MAX)
                    fail("an answer that is none to the request");
            };
            line.write(framing.frame(request.unit, encodeRequest(request)));
        });
    }
}

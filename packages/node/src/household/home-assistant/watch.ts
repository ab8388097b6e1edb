import { bytesEqual, MetersealError, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { type KeyFile, openHousehold } from "@meterseal/wallet";
import { askApi, fetchEvidence } from "../../http-client.ts";
import { type HomeReading, homeReading } from "./state.ts";

/** Checks what a server says of a metering point, again and again. */
export class HomeWatch {
    readonly #url: string;
    readonly #key: KeyFile;
    #last: HomeReading | null = null;
    /** Last record that was checked, as it was signed. */
    #checked: Uint8Array | null = null;

    constructor(url: string, key: KeyFile) {
        this.#url = url;
        this.#key = key;
    }

    /**
     * Checks everything from the first record on where there is a new one, or where something was wrong.
     * @throws MetersealError MS_LINK, MS_KEY_FOREIGN for another network or meter, and what evidence
     * that cannot be parsed is refused with.
     */
    async read(): Promise<HomeReading> {
        const { meter } = this.#key;
        const isNew = this.#last === null || this.#last.faults.length > 0 || (await this.#hasNew());
        if (this.#last !== null && !isNew) return this.#last;
        const evidence = unwrap(decodeEvidence(await fetchEvidence(this.#url, meter)));
        const report = unwrap(openHousehold(evidence, this.#key));
        this.#last = homeReading(report, this.#key, this.#last?.shown ?? null);
        this.#checked = report.records.at(-1)?.record.message.bytes ?? null;
        return this.#last;
    }

    /** Whether the server has another last record than the one that was checked. */
    async #hasNew(): Promise<boolean> {
        if (this.#checked === null) return true;
        const path = `/api/v1/meters/${toHex(this.#key.meter)}/last-record`;
        const answer = await askApi(this.#url, path).catch((cause: unknown) => {
            if (cause instanceof MetersealError && cause.code === "MS_NOT_FOUND") return null;
            throw cause;
        });
        return answer === null || !bytesEqual(await answer.bytes(), this.#checked);
    }
}

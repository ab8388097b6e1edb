import { error } from "@meterseal/core";
import { type OptionSpec, type Options, textOption } from "../cli/arguments.ts";
import { type DagSource, directorySource, serverSource } from "../dag/source.ts";

/** Options that say which ledger is looked at. */
export const LEDGER_OPTIONS: Readonly<Record<"url" | "data", OptionSpec>> = {
    url: { kind: "value", value: "URL", help: "running server, such as http://127.0.0.1:8480" },
    data: { kind: "value", value: "DIR", help: "data directory, read without a server" },
};

/** Runs something on the ledger that the options name; MS_USAGE where they name none or two. */
export async function withLedger<Answer>(
    options: Options,
    body: (source: DagSource) => Promise<Answer>,
): Promise<Answer> {
    const [url, data] = [textOption(options, "url"), textOption(options, "data")];
    if ((url === undefined) === (data === undefined)) {
        const got = url === undefined ? "neither" : "both";
        throw error("MS_USAGE", { expected: "--url URL or --data DIR", got });
    }
    if (url !== undefined && (!/^https?:/i.test(url) || !URL.canParse(url))) {
        throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: url });
    }
    const source = url === undefined ? await directorySource(data ?? "") : serverSource(url);
    try {
        return await body(source);
    } finally {
        await source.close();
    }
}

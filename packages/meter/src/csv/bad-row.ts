import { error, fail, type Result } from "@meterseal/core";

/** Longest piece of a bad row that an error repeats. */
const SHOWN_CHARACTERS = 40;

/** Why a row of a readings file is refused. */
export class BadRow {
    readonly expected: string;
    readonly got: string;

    constructor(expected: string, got: string) {
        this.expected = expected;
        this.got = got.length > SHOWN_CHARACTERS ? `${got.slice(0, SHOWN_CHARACTERS)}…` : got;
    }

    /** The refusal of the whole file: MS_DATA_FILE with its name, the line and the reason. */
    at(name: string, line: number): Result<never> {
        const { expected, got } = this;
        return fail(error("MS_DATA_FILE", { where: `${name} line ${line}`, expected, got }));
    }
}

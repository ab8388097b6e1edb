import { error, type MetersealError } from "@meterseal/core";

const SUBJECT = /^[0-9a-f]{32}$/;

/** Whether a text is a subject in the form that topics, client ids and user names use. */
export function isSubjectHex(text: string): boolean {
    return SUBJECT.test(text);
}

/**
 * Checks the subject of a meter link.
 * @throws MetersealError MS_USAGE.
 */
export function requireSubjectHex(text: string): void {
    if (isSubjectHex(text)) return;
    throw badOption("subjectHex", "32 lower-case hexadecimal characters", text);
}

/** MS_USAGE for an option of a meter link. */
export function badOption(where: string, expected: string, got: string): MetersealError {
    return error("MS_USAGE", { where, expected, got: JSON.stringify(got) });
}

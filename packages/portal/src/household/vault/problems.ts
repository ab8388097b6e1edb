import { type ErrorCode, MetersealError } from "@meterseal/core";
import type { KeyFile } from "@meterseal/wallet";
import { ApiError } from "../../api/client.ts";
import type { Problem } from "./messages.ts";

/** Problem with a key file; `error` says what a key file must be and never quotes the file. */
export function keyFileProblem(error: MetersealError): Problem {
    const { expected } = error.details;
    return {
        code: error.code,
        title: "This is not a Meterseal key file",
        text: `Choose the file that was made when your home joined, often called key.json.${
            expected === undefined ? "" : ` Expected: ${expected}.`
        }`,
    };
}

/** Problem of a key whose network is not the server's. */
export function foreignNetworkProblem(key: KeyFile, serverNetwork: string): Problem {
    const own = key.network.toHex().slice(0, 8);
    return {
        code: "MS_KEY_FOREIGN",
        title: "This key belongs to another network",
        text: `It is for network ${own}…, and this server is ${serverNetwork.slice(0, 8)}…. Open the portal of the network that your home joined, or choose another key file.`,
    };
}

/** Problem of a browser that lacks what the cryptography needs. */
export const OLD_BROWSER: Problem = {
    code: null,
    title: "This browser is too old to open sealed readings",
    text: "Please update it, or use the command line: meterseal usage --key FILE --url ADDRESS.",
};

/** Problem of a passphrase that does not open what is kept. */
export const WRONG_PASSPHRASE: Problem = {
    code: null,
    title: "This passphrase does not open the key on this device",
    text: "Check capital letters and spaces and try again. If it is lost, forget the key on this device and choose your key file.",
};

/** Problem of a browser that keeps nothing, such as in a private window. */
export const NOT_REMEMBERED: Problem = {
    code: null,
    title: "The key could not be remembered",
    text: "This browser does not keep data for this page; perhaps it is a private window. Keep using your key file.",
};

/** Problem in the words of the step that failed. */
export function describeFailure(cause: unknown): Problem {
    if (cause instanceof ApiError) return describeApi(cause);
    if (cause instanceof MetersealError) return describeOwn(cause);
    return {
        code: "MS_INTERNAL",
        title: "The portal itself failed",
        text: cause instanceof Error ? cause.message : "Something unexpected happened.",
    };
}

/** Problem of the sharing page in the words of the step that failed. */
export function describeSharing(cause: unknown): Problem {
    if (cause instanceof ApiError) {
        const { code, message, status } = cause;
        if (code === "MS_NOT_ALLOWED") {
            return {
                code,
                title: "The server does not take this signing key",
                text: "It takes the present one of your home. If the key was changed since, choose the newer wallet.key.",
            };
        }
        const title = status === null ? "The server does not answer" : "The server refused";
        return { code, title, text: message };
    }
    if (!(cause instanceof MetersealError)) return describeFailure(cause);
    const { code, details, message } = cause;
    if (code === "MS_KEY_FILE") {
        return {
            code,
            title: "This is not the signing key of a home",
            text: "Choose the file wallet.key, which was made when your home joined and lies beside your key file.",
        };
    }
    if (code === "MS_KEY_FOREIGN" && details.where === "the list") {
        return {
            code,
            title: "This list is of another home",
            text: "Choose one that was saved for this home. Nothing of it was taken in.",
        };
    }
    if (code === "MS_KEY_FOREIGN") {
        return {
            code,
            title: "This signing key is of another home",
            text: `Choose the one that lies beside your key file. Expected: ${details.expected}.`,
        };
    }
    if (code === "MS_PARTY") {
        return {
            code,
            title: "The server named somebody whom the operator did not admit",
            text: `Nothing is shown, because what it says does not hold (${details.where}).`,
        };
    }
    const title = SHARING_TITLES[code];
    const text = details.todo ?? message.slice(code.length + 2);
    if (title !== undefined) return { code, title, text };
    return { code, title: "This could not be done", text: message };
}

/** What failed of a grant, by code; the text says the rest. */
const SHARING_TITLES: Partial<Record<ErrorCode, string>> = {
    MS_TARIFF: "This tariff cannot weigh this time",
    MS_NOTICE_DUPLICATE: "They can see exactly this already",
    MS_JOURNAL: "The list of what you granted is damaged, or is none",
    MS_STORE_UNWRITABLE: "Nothing was granted",
    MS_USAGE: "There are no readings of this time",
};

function describeApi({ code, message, status }: ApiError): Problem {
    if (status === 404) {
        return {
            code: "MS_KEY_FOREIGN",
            title: "This server does not know the meter of this key",
            text: "The key is for this network, but its meter is not enrolled here, or has no final record yet.",
        };
    }
    if (status === null) {
        return {
            code,
            title: "The server does not answer",
            text: "Your key was read, but there is nothing to open yet. Check that the server runs, then try again.",
        };
    }
    return { code, title: "The server refused to hand out the evidence", text: message };
}

function describeOwn(error: MetersealError): Problem {
    if (error.code === "MS_KEY_FOREIGN") {
        return {
            code: error.code,
            title: "The server sent records of another meter",
            text: `Your key does not fit them (${error.details.where ?? "no place given"}). Nothing of them is shown.`,
        };
    }
    return {
        code: error.code,
        title: "What the server sent cannot be read",
        text: `It is damaged or was altered, so nothing of it is shown. ${error.message}`,
    };
}

import { createPrivateKey, X509Certificate } from "node:crypto";
import { LIMITS } from "@meterseal/core";
import { systemClock } from "../clocks.ts";
import type { HttpLinkConfig } from "../config/config.ts";
import { isOpenToOthers, readBounded, reasonOf } from "../files.ts";
import { type Check, fault, fine, warning } from "./check.ts";

const NAME = "certificate";
const DAY_MS = 86_400_000;
/** Days before its end at which a certificate is worth a word. */
const WARNING_DAYS = 14;

/** Certificate and key of the port for meters: that they belong together, and for how long they hold. */
export function checkCertificate({ certFile, keyFile }: NonNullable<HttpLinkConfig["tls"]>): Check {
    let certificate: X509Certificate;
    try {
        certificate = new X509Certificate(readBounded(certFile, LIMITS.configBytes));
        const key = createPrivateKey(readBounded(keyFile, LIMITS.configBytes));
        if (!certificate.checkPrivateKey(key)) {
            const todo = "Name the key that the certificate was made for.";
            return fault(NAME, `${keyFile} is not the key of ${certFile}`, todo);
        }
    } catch (cause) {
        const todo = "Name a certificate chain and its key, PEM, that the server's user may read.";
        return fault(NAME, reasonOf(cause), todo);
    }
    if (isOpenToOthers(keyFile)) {
        return fault(NAME, `others may read ${keyFile}`, `Run: chmod 600 ${keyFile}`);
    }
    return checkDates(certificate, systemClock.nowMs());
}

/** Whether a certificate holds at an instant, milliseconds since 1970, and for some time to come. */
function checkDates(certificate: X509Certificate, nowMs: number): Check {
    const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
    const message = `for ${certificate.subjectAltName ?? "no name"}, until ${new Date(toMs).toISOString().slice(0, 10)}`;
    const todo = "Renew it, and start the server again.";
    if (nowMs < fromMs || nowMs > toMs) return fault(NAME, `does not hold now: ${message}`, todo);
    const isNear = toMs - nowMs < WARNING_DAYS * DAY_MS;
    return isNear ? warning(NAME, `ends soon: ${message}`, todo) : fine(NAME, message);
}

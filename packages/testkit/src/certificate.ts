import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A certificate that signs itself, and its key, both PEM; made by the openssl command.
 * @param days - for which it holds from now on.
 * @param names - what it is made out for, as openssl has it.
 */
export function selfSigned(
    days = 2,
    names = "IP:127.0.0.1",
): { readonly cert: string; readonly key: string } {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-tls-"));
    try {
        const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
        const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        const name = ["-subj", "/CN=meterseal", "-addext", `subjectAltName=${names}`];
        const files = ["-keyout", key, "-out", cert, "-days", `${days}`];
        execFileSync("openssl", ["req", "-x509", ...curve, ...name, ...files], { stdio: "pipe" });
        return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    } finally {
        rmSync(directory, { recursive: true });
    }
}

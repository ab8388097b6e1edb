import { error, LIMITS } from "@meterseal/core";
import { isOpenToOthers, readBounded } from "../../files.ts";

/**
 * Reads name and password from a file of two lines that only its owner may read.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_KEY_FILE; none of them shows what the file holds.
 */
export function readLogin(path: string): { username: string; password: string } {
    const [username = "", password = "", ...rest] = readBounded(path, LIMITS.configBytes)
        .toString("utf8")
        .replace(/\r?\n$/, "")
        .split(/\r?\n/);
    if (isOpenToOthers(path))
        throw error("MS_KEY_FILE", { where: path, todo: `Run: chmod 600 ${path}` });
    if (username !== "" && password !== "" && rest.length === 0) return { username, password };
    throw error("MS_KEY_FILE", { where: path, expected: "two lines: name and password" });
}

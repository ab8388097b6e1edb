/** Text with one character per byte, so that offsets and checks keep their meaning. */
export function latin1(bytes: Uint8Array): string {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
}

/** Bytes in lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Host of a URL, or of a request, to connect to or to compare: an IPv6 address without its brackets. */
export function hostOf({ hostname }: { readonly hostname: string }): string {
    return hostname.replace(/^\[(.*)\]$/, "$1");
}

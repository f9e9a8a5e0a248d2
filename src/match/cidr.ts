// IP addresses as text of bits: an address is inside a block if its bits begin with the block's.
import { FilterError } from "./error.ts";

/** `4` or `6` and then the address's bits, or undefined if the text is no IPv4 or IPv6 address. */
export function addressBits(text: string): string | undefined {
  const groups = text.includes(":") ? sixGroups(text) : fourGroups(text);
  if (groups === undefined) return undefined;
  const [family, width] = groups.length === 4 ? ["4", 8] : ["6", 16];
  return family + groups.map((group) => group.toString(2).padStart(width, "0")).join("");
}

/** `{"cidr": "10.0.0.0/8"}` as the bits that every address in the block begins with. */
export function blockBits(operand: unknown, at: string): string {
  const expected = 'a block of addresses such as "10.0.0.0/8" or "2001:db8::/32"';
  if (typeof operand !== "string") throw new FilterError(at, expected);
  const [, address = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(operand) ?? [];
  const bits = addressBits(address);
  if (bits === undefined || Number(digits) >= bits.length) throw new FilterError(at, expected);
  return bits.slice(0, 1 + Number(digits));
}

function fourGroups(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const groups = text.split(".").map(Number);
  return groups.every((group) => group <= 255) ? groups : undefined;
}

function sixGroups(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - left.length - right.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  const groups = [...left, ...Array(gap).fill("0"), ...right];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

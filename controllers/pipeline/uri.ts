/** A file in a volume, as `file://VOLUME/PATH` names it. */
export interface FilePlace {
  readonly volume: string;
  readonly path: string;
}

/** The place, or why the URI names none. Split by hand: the WHATWG parser would take the volume for a host and fold its case. */
export function filePlace(uri: string): FilePlace | { readonly problem: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)\/(.*)$/s.exec(uri);
  if (match === null) return { problem: `"${uri}" is not of the form file://VOLUME/PATH` };
  const [, scheme = '', volume = '', path = ''] = match;
  if (scheme !== 'file') return { problem: `scheme "${scheme}" is not supported: file://VOLUME/PATH is` };
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(volume)) {
    return {
      problem: `"${volume}" is not the name of a volume (file://VOLUME/PATH; a local path belongs to the volume data)`,
    };
  }
  const parts = path.split('/');
  if (path.length > 1024 || path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    return {
      problem: `path "${path}" must be relative to the volume, without empty, . or .. parts, at most 1024 characters`,
    };
  }
  if (parts[0] === '.runink') return { problem: `path "${path}" lies in .runink, which belongs to the system` };
  return { volume, path };
}

import type { Mount } from '../../../containerd/index.ts';
import { StartError } from '../start-error.ts';
import { readLayeredFile } from './layered-files.ts';
import type { OciUser } from './oci-spec.ts';

const maxId = 2 ** 31 - 1;

interface Account {
  name: string;
  uid: number;
  gid: number;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

/**
 * Finds who an image's `USER` is (`name`, `uid`, `name:group`, `uid:gid`, `uid:group` or `name:gid`), from /etc/passwd and
 * /etc/group in the image's layers, with the groups that list the user as a member. Without a user it is root, without a
 * group the user's own. A bare uid needs no entry and gets group 0.
 * @throws StartError for a user or group that the image does not have
 */
export async function resolveUser(mounts: Mount[], imageUser: string): Promise<OciUser> {
  const [userPart = '', groupPart, ...rest] = imageUser.split(':');
  if (rest.length > 0) throw new StartError('invalid', `USER "${imageUser}" of the image has more than one ":"`);
  const accounts = parsePasswd((await readLayeredFile(mounts, '/etc/passwd')) ?? '');
  const groups = parseGroups((await readLayeredFile(mounts, '/etc/group')) ?? '');
  const account = userPart === '' ? { name: 'root', uid: 0, gid: 0 } : findAccount(accounts, userPart);
  const gid = groupPart ? findGid(groups, groupPart) : account.gid;
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...memberOf(groups, account.name)])] };
}

function findAccount(accounts: Account[], user: string): Partial<Account> & Pick<Account, 'uid' | 'gid'> {
  if (/^-?\d+$/.test(user)) {
    const uid = parseId(user);
    if (uid === undefined) throw new StartError('invalid', `USER ${user} of the image is not within 0 and ${maxId}`);
    return accounts.find((account) => account.uid === uid) ?? { uid, gid: 0 };
  }
  const account = accounts.find(({ name }) => name === user);
  if (!account) {
    throw new StartError('invalid', `USER "${user}" is not in the image's /etc/passwd: add it there, or give a number`);
  }
  return account;
}

function findGid(groups: Group[], group: string): number {
  if (/^-?\d+$/.test(group)) {
    const gid = parseId(group);
    if (gid === undefined)
      throw new StartError('invalid', `group ${group} of the image's USER is not within 0 and ${maxId}`);
    return gid;
  }
  const found = groups.find(({ name }) => name === group);
  if (!found) {
    throw new StartError(
      'invalid',
      `group "${group}" of the image's USER is not in its /etc/group: add it there, or give a number`,
    );
  }
  return found.gid;
}

/** Returns the groups that list a user, less its namesake: that one is the primary group, or not wanted. */
function memberOf(groups: Group[], user: string | undefined): number[] {
  if (user === undefined) return [];
  return groups.filter(({ name, members }) => name !== user && members.includes(user)).map(({ gid }) => gid);
}

/** Parses lines `name:password:uid:gid:…` (passwd(5)); one without numbers is no account. */
function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uidText, gidText] = line.trim().split(':');
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid }];
  });
}

/** Parses lines `name:password:gid:member,member` (group(5)). */
function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , gidText, members = ''] = line.trim().split(':');
    const gid = parseId(gidText);
    return name === '' || name.startsWith('#') || gid === undefined ? [] : [{ name, gid, members: members.split(',') }];
  });
}

function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

// What a user may do in a herd, as a list (SelfSubjectRulesReview). It is for people and their tools to look at: what may
// be done is judged by `authorise` alone.
import { type KindInfo, kinds } from '../../apis/index.ts';
import { controllersPaths, publicPaths, reviewsOfOneself } from './authorise.ts';
import { nodeOf, type User, viewedHerds, wellKnownGroups } from './user.ts';
import { viewerVerbs } from './viewer-role.ts';

/** Verbs on resources. */
export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Verbs on paths that are about no resource. */
export interface PathRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** Everything that may be said of a user, and why it is not all. */
export interface Rules {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly PathRule[];
  readonly incomplete: boolean;
  readonly evaluationError?: string;
}

/** The rules of a user in a herd, over the kinds that are served. */
export function rulesOf(user: User, herd: string, infos: readonly KindInfo[]): Rules {
  const { groups } = user;
  const isKnown = groups.includes(wellKnownGroups.authenticated);
  const resourceRules: ResourceRule[] = isKnown
    ? Object.entries(reviewsOfOneself).map(([group, resources]) => ({
        verbs: ['create'],
        apiGroups: [group],
        resources,
      }))
    : [];
  const nonResourceRules: PathRule[] = isKnown ? [{ verbs: ['get'], nonResourceURLs: publicPaths }] : [];
  if (groups.includes(wellKnownGroups.masters)) {
    resourceRules.push({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
    nonResourceRules.push({ verbs: ['*'], nonResourceURLs: ['*'] });
  } else if (groups.includes(wellKnownGroups.controllers)) {
    resourceRules.push(...controllersRules(infos));
    nonResourceRules.push({ verbs: ['get'], nonResourceURLs: controllersPaths });
  } else if (viewedHerds(user).includes(herd)) resourceRules.push(...viewerRules(herd, infos));
  // A node's rights follow what is bound to it, which no list of rules says; Kubernetes' node authorizer gives none either.
  const isNode = nodeOf(user) !== undefined;
  return {
    resourceRules,
    nonResourceRules,
    incomplete: isNode,
    ...(isNode ? { evaluationError: 'node authorizer does not support user rule resolution' } : {}),
  };
}

function controllersRules(infos: readonly KindInfo[]): ResourceRule[] {
  const secretVerbs = ['get', 'list', 'watch', 'delete', 'deletecollection', 'patch'];
  return [
    ...byGroup(infos.filter((info) => info !== kinds.secrets)).map((rule) => ({ verbs: ['*'], ...rule })),
    { verbs: secretVerbs, apiGroups: [kinds.secrets.group], resources: [kinds.secrets.plural] },
  ];
}

function viewerRules(herd: string, infos: readonly KindInfo[]): ResourceRule[] {
  const shown = infos.filter((info) => info.scope === 'Namespaced' && info !== kinds.secrets);
  return [
    ...byGroup(shown.filter(isReadable)).map((rule) => ({ verbs: viewerVerbs, ...rule })),
    ...[kinds.namespaces, kinds.herds].map(({ group, plural }) => ({
      verbs: viewerVerbs,
      apiGroups: [group],
      resources: [plural],
      resourceNames: [herd],
    })),
  ];
}

function isReadable({ verbs }: KindInfo): boolean {
  return verbs === undefined || verbs.includes('get');
}

function byGroup(infos: readonly KindInfo[]): { readonly apiGroups: string[]; readonly resources: string[] }[] {
  return [...new Set(infos.map(({ group }) => group))].map((group) => ({
    apiGroups: [group],
    resources: [
      ...new Set(
        infos
          .filter((info) => info.group === group)
          .flatMap(({ plural, subresources }) => [plural, ...subresources.map((sub) => `${plural}/${sub}`)]),
      ),
    ],
  }));
}

package ocsf

import "rolegate/internal/audit"

// Class is a class of events, by its class_uid.
type Class int

const (
	BaseEvent            Class = 0    // what nobody has mapped
	AccountChange        Class = 3001 // 3007 from schema 1.9.0 on
	Authentication       Class = 3002
	EntityManagement     Class = 3004
	UserAccess           Class = 3005 // 3008 from schema 1.9.0 on
	ApplicationLifecycle Class = 6002
	APIActivity          Class = 6003
	ApplicationError     Class = 6008
	WebResources         Class = 6001
)

// Caption is the class's name in the schema.
func (c Class) Caption() string { return captions[c] }

var captions = map[Class]string{
	BaseEvent: "Base Event", AccountChange: "Account Change", Authentication: "Authentication", EntityManagement: "Entity Management",
	UserAccess: "User Access Management", ApplicationLifecycle: "Application Lifecycle", APIActivity: "API Activity",
	ApplicationError: "Application Error", WebResources: "Web Resources Activity",
}

// category is the schema's category_uid of a class.
func (c Class) category() int { return int(c) / 1000 }

// other is the activity_id of what a class has no word for; activity_name has ours.
const other = 99

// Severities, by severity_id.
const (
	informational = 1
	low           = 2 // a refusal
	medium        = 3 // worth a look
	high          = 4 // worth waking somebody
)

// Mapping is what an activity of the log is in the schema. What was refused or
// failed has the same class and activity, and status_id 2.
type Mapping struct {
	Class    Class
	Activity int
	// Severity is of what went well; a refusal is at least low, break-glass medium.
	Severity int
	// Entity is what an act of Entity Management is about.
	Entity entityType
	// Client: the user the event is about is the client.
	Client bool
}

// entityType is the type of a managed entity.
type entityType string

const (
	userEntity   entityType = "user"
	groupEntity  entityType = "team"
	tenantEntity entityType = "tenant"
	policyEntity entityType = "policy"
)

// typeIDs are those of the schema; it knows no others.
var typeIDs = map[entityType]int{userEntity: 2, groupEntity: 3, tenantEntity: 4, policyEntity: 5}

func logon(severity int) Mapping {
	return Mapping{Class: Authentication, Activity: 1, Severity: severity}
}
func logoff() Mapping { return Mapping{Class: Authentication, Activity: 2, Severity: informational} }
func ticket(severity int) Mapping {
	return Mapping{Class: Authentication, Activity: 3, Severity: severity}
}
func clientTicket() Mapping {
	return Mapping{Class: Authentication, Activity: 3, Severity: informational, Client: true}
}
func account(activity, severity int) Mapping {
	return Mapping{Class: AccountChange, Activity: activity, Severity: severity}
}
func api(activity int) Mapping {
	return Mapping{Class: APIActivity, Activity: activity, Severity: informational}
}
func lifecycle(activity, severity int) Mapping {
	return Mapping{Class: ApplicationLifecycle, Activity: activity, Severity: severity}
}
func created(e entityType) Mapping { return managed(1, e, informational) }
func read(e entityType) Mapping    { return managed(2, e, informational) }
func updated(e entityType) Mapping { return managed(3, e, informational) }
func deleted(e entityType) Mapping { return managed(4, e, informational) }
func managed(activity int, e entityType, severity int) Mapping {
	return Mapping{Class: EntityManagement, Activity: activity, Severity: severity, Entity: e}
}

// Activities maps each activity of the log. A decision's own activity_id is that
// of what was asked for, see operations.
var Activities = map[audit.Activity]Mapping{
	audit.InviteAccepted:    account(4, informational), // a password is set by a link
	audit.InviteFailed:      account(4, informational),
	audit.PasswordPassed:    {Class: Authentication, Activity: 6, Severity: informational}, // preauth
	audit.PasswordFailed:    logon(informational),
	audit.PasswordChanged:   account(3, informational),
	audit.ChangeFailed:      account(3, informational),
	audit.LoginSucceeded:    logon(informational),
	audit.OTPFailed:         logon(informational),
	audit.LoginFailMax:      logon(medium),
	audit.LoginLocked:       account(9, medium),
	audit.LoginUnlocked:     account(12, informational),
	audit.DeviceForgotten:   deleted("known_device"),
	audit.RecoveryUsed:      logon(medium),
	audit.RecoveryFailed:    logon(informational),
	audit.EnrolStarted:      account(other, informational),
	audit.EnrolConfirmed:    account(10, informational),
	audit.EnrolFailed:       account(10, informational),
	audit.DeviceRenamed:     account(other, informational),
	audit.DeviceRemoved:     account(11, low),
	audit.RecoveryRenewed:   account(other, low),
	audit.RecoveryShown:     account(other, low),
	audit.SteppedUp:         logon(informational),
	audit.TokenRefreshed:    ticket(informational),
	audit.RefreshFailed:     ticket(informational),
	audit.RefreshReused:     ticket(high),
	audit.LoggedOut:         logoff(),
	audit.SessionRevoked:    logoff(),
	audit.OthersRevoked:     logoff(),
	audit.LoginDisowned:     account(other, high),
	audit.SessionLimited:    logoff(),
	audit.SessionsEnded:     logoff(),
	audit.ClientToken:       clientTicket(),
	audit.ClientFailed:      clientTicket(),
	audit.TokenRevoked:      logoff(),
	audit.TokenIntrospected: api(2),
	audit.Evaluated:         api(other),
	audit.EvaluatedBatch:    api(other),
	audit.SearchedSubject:   api(2),
	audit.SearchedResource:  api(2),
	audit.SearchedAction:    api(2),
	audit.Explained:         api(2),
	audit.ShownPermissions:  api(2),
	audit.Filtered:          api(2),
	audit.RequestFailed:     api(other),
	audit.OperationFailed:   api(other),
	audit.Started:           lifecycle(3, informational),
	audit.Stopped:           lifecycle(4, informational),
	audit.Restored:          lifecycle(other, high),
	audit.TenantCreated:     created(tenantEntity),
	audit.TenantChanged:     updated(tenantEntity),
	audit.TenantRead:        read(tenantEntity),
	audit.KeyRead:           read("key"),
	audit.UserCreated:       account(1, informational),
	audit.UserInvited:       account(other, informational),
	audit.UserImported:      account(1, informational),
	audit.UserDisabled:      account(5, informational),
	audit.UserEnabled:       account(2, informational),
	audit.UserRead:          read(userEntity),
	audit.ClientRead:        read("client"),
	audit.OfficeRead:        read("office_request"),
	audit.OfficeRequested:   created("office_request"),
	audit.OfficeApproved:    {Class: UserAccess, Activity: 1, Severity: medium},
	audit.OfficeDenied:      updated("office_request"),
	audit.ClientCreated:     created("client"),
	audit.ClientDisabled:    managed(9, "client", informational),
	audit.ClientEnabled:     managed(8, "client", informational),
	audit.ClientRotated:     updated("client"),
	audit.ClientKeyed:       updated("client"),
	audit.RoleChanged:       updated("role"),
	audit.RoleDeleted:       deleted("role"),
	audit.RoleAssigned:      {Class: UserAccess, Activity: 1, Severity: informational},
	audit.RoleUnassigned:    {Class: UserAccess, Activity: 2, Severity: informational},
	audit.DirectoryImport:   updated("directory"),
	audit.DirectoryRead:     read("directory"),
	audit.SubjectPut:        updated("subject"),
	audit.SubjectDeleted:    deleted("subject"),
	audit.TeamPut:           updated(groupEntity),
	audit.TeamDeleted:       deleted(groupEntity),
	audit.UnitPut:           updated("unit"),
	audit.UnitDeleted:       deleted("unit"),
	audit.TerritoryPut:      updated("territory"),
	audit.TerritoryDeleted:  deleted("territory"),
	audit.ResourcePut:       updated("resource"),
	audit.ResourceDeleted:   deleted("resource"),
	audit.PolicyImported:    managed(3, policyEntity, low),
	audit.PolicyRead:        read(policyEntity),
	audit.DraftCreated:      created("policy_draft"),
	audit.DraftSaved:        updated("policy_draft"),
	audit.DraftRebased:      updated("policy_draft"),
	audit.DraftSubmitted:    updated("policy_draft"),
	audit.DraftWithdrawn:    deleted("policy_draft"),
	audit.DraftApproved:     managed(other, "policy_draft", low),
	audit.DraftRejected:     managed(other, "policy_draft", low),
	audit.PolicyPublished:   managed(3, policyEntity, low),
	audit.PolicyRolledBack:  managed(3, policyEntity, medium),
	audit.PolicyAnnounced:   managed(other, policyEntity, high),
	audit.FourEyesSingle:    managed(other, policyEntity, medium),
	audit.SigningKeyMade:    created("signing_key"),
	audit.SigningKeyRotated: updated("signing_key"),
	audit.SigningKeyRevoked: managed(9, "signing_key", high),
	audit.SigningKeyDropped: deleted("signing_key"),
	audit.KeyEncryptionKey:  created("key_encryption_key"),
	audit.KEKRotated:        updated("key_encryption_key"),
	audit.KEKDropped:        deleted("key_encryption_key"),
	audit.KEKResealed:       updated("key_encryption_key"),
	audit.LogResumed:        managed(3, "audit_log", high),
	audit.LogKeyMade:        created("log_signing_key"),
	audit.LogHeadKeyMade:    created("log_head_key"),
	audit.BundleRead:        managed(2, "audit_log", informational),
	audit.LogVerified:       managed(other, "audit_log", informational),
	audit.LogAccepted:       managed(other, "audit_log", high),
	audit.LogExported:       managed(other, "audit_log", medium),
	audit.LogSearched:       managed(2, "audit_log", informational),
	audit.LogCounted:        managed(2, "audit_log", informational),
	audit.LogSampled:        managed(2, "audit_log", informational),
	audit.LogRead:           managed(2, "audit_log", informational),
	audit.JobCutOff:         {Class: ApplicationError, Activity: 1, Severity: medium},
	audit.Gap:               {Class: ApplicationError, Activity: 1, Severity: high},
	audit.Overflow:          {Class: ApplicationError, Activity: 1, Severity: high},
	audit.SinkStarted:       managed(8, "audit_sink", medium),
	audit.SinkCursor:        managed(3, "audit_sink", high),
}

// Acts maps entries about the log itself, which count by their act and not by
// their activity: sealed data is to be destroyed, is destroyed, or must not be.
var Acts = map[audit.ActKind]Mapping{
	audit.EraseRequested:     managed(other, "audit_log", medium),
	audit.EraseApproved:      managed(other, "audit_log", medium),
	audit.EraseRefused:       managed(other, "audit_log", medium),
	audit.EraseExecuted:      managed(4, "audit_log", high),
	audit.HoldSet:            managed(12, "audit_log", medium),
	audit.HoldLifted:         managed(13, "audit_log", medium),
	audit.RetentionRequested: managed(other, "audit_retention", medium),
	audit.RetentionApproved:  managed(3, "audit_retention", medium),
	audit.RetentionExecuted:  managed(4, "audit_log", low),
}

// operations are the activities of what decisions are asked for, by the words of
// the starter catalogue: what a tenant calls otherwise is 99, with its word in
// activity_name where the leaf has it.
var operations = map[string]Mapping{
	"create":      api(1),
	"open":        api(2),
	"read":        api(2),
	"audit":       api(2),
	"update":      api(3),
	"assign":      api(3),
	"transfer":    api(3),
	"mass_update": api(3),
	"delete":      api(4),
	"search":      {Class: WebResources, Activity: 5, Severity: informational},
	"import":      {Class: WebResources, Activity: 6, Severity: informational},
	"export":      {Class: WebResources, Activity: 7, Severity: informational},
	"share":       {Class: WebResources, Activity: 8, Severity: informational},
}

// mapping says what a leaf is.
func mapping(l *audit.Leaf) Mapping {
	if l.Act != nil {
		if m, ok := Acts[l.Act.Kind]; ok {
			return m
		}
	}
	m, ok := Activities[l.Activity]
	if !ok {
		return Mapping{Class: BaseEvent, Activity: other, Severity: informational}
	}
	if l.Activity == audit.Evaluated {
		if op, ok := operations[l.Op]; ok {
			return op
		}
	}
	return m
}

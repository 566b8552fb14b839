<#
.SYNOPSIS
    Collects what Windows knows about its updates into one .zip, and sends it to a patchlens gateway.

.DESCRIPTION
    One file for Windows PowerShell 5.1, without modules of others. Gathers, as far as each is there:
    services, installed updates, the exact build, the time zone, disks and partitions with their free
    space, the names of security products, four event logs (half a year of them), CBS, DISM, Panther
    and SetupDiag logs, ReportingEvents.log, WindowsUpdate.log (decoded), and the client logs of
    Configuration Manager.
    What cannot be gathered is named in collect-errors.txt inside the .zip; the rest is sent.
    Files go straight into the .zip, newest first, until it has MaxMegabytes or the disk is short.

    Must run elevated: the event logs and CBS.log are closed to others. Started by a 32-bit program,
    it goes on in the 64-bit PowerShell: the 32-bit one sees other files and another registry.

    A bundle that could not be sent stays in the folder "outbox", up to five of them, and the next run
    sends the oldest first. One that the gateway refuses for itself is set aside as *.refused.

    Exit codes: 0 collected, and sent where a gateway is given; 1 not everything is sent, the rest
    stays in the outbox; 2 nothing was collected, and the last line says why.

    Not run where it was written, for want of a Windows: the syntax and the scopes of its variables
    are checked, and a bundle of the same layout is read in a test. In particular the registration of
    the task and the behaviour behind a proxy have not been seen on a device.

.PARAMETER Gateway
    Base address of the gateway, such as https://patchlens.example:8090. Without it the .zip stays.

.PARAMETER TokenFile
    File with the token for the gateway. Keep it readable for administrators and SYSTEM only.

.PARAMETER AllowHttp
    Sends the token over plain HTTP, as on a network of its own. Without it only https:// is spoken.

.PARAMETER OutputDirectory
    Where the .zip is made. Default: %ProgramData%\patchlens, which is then closed to users.

.PARAMETER MaxMegabytes
    Largest .zip. Older logs are left out, and named in collect-errors.txt. Default: 500.

.PARAMETER Register
    Registers a task that runs this script every day as SYSTEM, with the other parameters given here,
    and ends without collecting. Keep the script where only administrators can change it.

.PARAMETER At
    Time of day of that task. Default: 12:00. Each device waits up to two hours more.

.EXAMPLE
    .\Collect-PatchState.ps1
    Leaves %ProgramData%\patchlens\<computer>.zip, for `patchlens diagnose` or `patchlens collect`.

.EXAMPLE
    .\Collect-PatchState.ps1 -Gateway https://patchlens.example:8090 -TokenFile C:\ProgramData\patchlens\token -Register
#>
[CmdletBinding()]
param(
    [string] $Gateway = '',
    [string] $TokenFile = '',
    [switch] $AllowHttp,
    [string] $OutputDirectory = '',
    [ValidateRange(1, 2000)] [int] $MaxMegabytes = 500,
    [switch] $Register,
    [string] $At = '12:00'
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# Drawing progress takes longer than the work.
$ProgressPreference = 'SilentlyContinue'
trap {
    Write-Warning ('{0} (line {1})' -f $_.Exception.Message, $_.InvocationInfo.ScriptLineNumber)
    exit 2
}

if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
    Write-Warning 'PowerShell runs in a restricted language mode here (AppLocker or application control): allow this script in that policy.'
    exit 2
}
$powershell = "$env:windir\System32\WindowsPowerShell\v1.0\powershell.exe"

# ---- The 64-bit PowerShell, elevated -------------------------------------------------------------
if ([Environment]::Is64BitOperatingSystem -and -not [Environment]::Is64BitProcess) {
    $again = @('-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', $PSCommandPath)
    foreach ($given in $PSBoundParameters.GetEnumerator()) {
        if ($given.Value -is [switch]) {
            if ($given.Value) { $again += '-' + $given.Key }
        } elseif ([string] $given.Value) {
            # A backslash at the end would take the closing quote with it.
            $again += ('-' + $given.Key), ([string] $given.Value).TrimEnd('\')
        }
    }
    & "$env:windir\Sysnative\WindowsPowerShell\v1.0\powershell.exe" $again
    exit $LASTEXITCODE
}
$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$role = New-Object Security.Principal.WindowsPrincipal $identity
if (-not $role.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Write-Warning 'Start this script elevated ("Run as administrator"): the event logs and CBS.log are closed to others.'
    exit 2
}

# ---- Parameters ----------------------------------------------------------------------------------
if ($Gateway -and $Gateway -notmatch '^https://' -and -not ($AllowHttp -and $Gateway -match '^http://')) {
    throw "$Gateway is not https://: a token would be readable on its way. -AllowHttp sends it over http:// all the same."
}
if ($TokenFile) { $TokenFile = (Resolve-Path -LiteralPath $TokenFile).ProviderPath }
$isOurFolder = -not $OutputDirectory
if ($isOurFolder) { $OutputDirectory = Join-Path $env:ProgramData 'patchlens' }
# What follows has another current directory than PowerShell.
$OutputDirectory = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($OutputDirectory)
if ($OutputDirectory.Length -gt 3) { $OutputDirectory = $OutputDirectory.TrimEnd('\') }

if ($Register) {
    if (-not $PSCommandPath) { throw 'Only a script that is a file can be registered.' }
    $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}" -MaxMegabytes {1}' -f $PSCommandPath, $MaxMegabytes
    if (-not $isOurFolder) { $arguments += ' -OutputDirectory "{0}"' -f $OutputDirectory }
    if ($Gateway) { $arguments += ' -Gateway "{0}"' -f $Gateway }
    if ($TokenFile) { $arguments += ' -TokenFile "{0}"' -f $TokenFile }
    if ($AllowHttp) { $arguments += ' -AllowHttp' }
    $action = New-ScheduledTaskAction -Execute $powershell -Argument $arguments
    $trigger = New-ScheduledTaskTrigger -Daily -At $At -RandomDelay (New-TimeSpan -Hours 2)
    $principal = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
    $settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries `
        -ExecutionTimeLimit (New-TimeSpan -Hours 3) -MultipleInstances IgnoreNew
    Register-ScheduledTask -TaskName 'patchlens collect' -Action $action -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null
    Write-Output 'The task "patchlens collect" is registered.'
    exit 0
}

# ---- The folder ----------------------------------------------------------------------------------
# Everybody may make folders in %ProgramData%. SYSTEM must not work in one that a user made, where a
# link could lead it elsewhere, and what is in the bundle is not for all eyes.
if ($isOurFolder) {
    if (-not (Test-Path -LiteralPath $OutputDirectory)) { New-Item -ItemType Directory -Path $OutputDirectory | Out-Null }
    $folder = Get-Item -LiteralPath $OutputDirectory -Force
    $owner = $folder.GetAccessControl().GetOwner([Security.Principal.SecurityIdentifier]).Value
    $isLink = [bool] ($folder.Attributes -band [IO.FileAttributes]::ReparsePoint)
    if ($isLink -or $owner -notin @('S-1-5-18', 'S-1-5-32-544', $identity.User.Value)) {
        throw "$OutputDirectory was made by somebody else ($owner): remove it, or name another -OutputDirectory."
    }
    & "$env:windir\System32\icacls.exe" $OutputDirectory '/inheritance:r' '/grant:r' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '/q' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "icacls ended with $LASTEXITCODE for $OutputDirectory" }
}
$outbox = Join-Path $OutputDirectory 'outbox'
New-Item -ItemType Directory -Path $outbox -Force | Out-Null
# Of a run that was ended.
Get-ChildItem -Path (Join-Path $outbox '*.partial') -Force | Remove-Item -Force
# Logs repeat themselves from one bundle to the next: of six, the oldest is the one to do without.
Get-ChildItem -Path (Join-Path $outbox '*.zip') -Force | Sort-Object Name -Descending | Select-Object -Skip 4 | ForEach-Object {
    Write-Warning ('dropped unsent: {0}' -f $_.Name)
    Remove-Item -LiteralPath $_.FullName -Force
}
Get-ChildItem -Path (Join-Path $outbox '*.refused') -Force | Sort-Object Name -Descending | Select-Object -Skip 1 | Remove-Item -Force

$computer = $env:COMPUTERNAME
$invariant = [Globalization.CultureInfo]::InvariantCulture
$now = [DateTime]::UtcNow
$partial = Join-Path $outbox ($now.ToString('yyyyMMddTHHmmss', $invariant) + 'Z.partial')
$failures = New-Object System.Collections.ArrayList
$sizeLimit = [int64] $MaxMegabytes * 1048576

Add-Type -AssemblyName System.IO.Compression
$target = [IO.File]::Create($partial)
$archive = New-Object System.IO.Compression.ZipArchive $target, ([IO.Compression.ZipArchiveMode]::Create)

# Runs one step; what fails is noted, and the next step is taken. Its own variables have long names:
# the step sees them before the script's.
function Invoke-Step([string] $StepTitle, [scriptblock] $StepBody) {
    try { & $StepBody } catch { [void] $failures.Add(('{0}: {1}' -f $StepTitle, $_.Exception.Message)) }
}

# Puts one file into the bundle, even if a service holds it open.
function Add-File([string] $SourcePath, [string] $EntryName) {
    $disk = $null
    try { $disk = New-Object IO.DriveInfo ([IO.Path]::GetPathRoot($partial)) } catch { $disk = $null }
    if ($target.Length -ge $sizeLimit) { throw 'left out: the bundle has its size' }
    if ($disk -and $disk.AvailableFreeSpace -lt 268435456) { throw 'left out: less than 256 MB are free' }
    $source = [IO.File]::Open($SourcePath, 'Open', 'Read', 'ReadWrite, Delete')
    try {
        # Text gets ten times smaller; what is larger than ten times the limit is not worth a try.
        if ($source.Length -gt 10 * $sizeLimit) { throw ('left out: it has {0} MB' -f [math]::Round($source.Length / 1048576)) }
        $entry = $archive.CreateEntry($EntryName)
        $entry.LastWriteTime = New-Object DateTimeOffset ([IO.File]::GetLastWriteTime($SourcePath))
        $stream = $entry.Open()
        try { $source.CopyTo($stream, 1048576) } finally { $stream.Dispose() }
    } finally { $source.Dispose() }
}

# Puts logs into the bundle, the newest first.
function Add-Logs([string] $FilePattern, [string] $EntryFolder) {
    $found = @(Get-ChildItem -Path $FilePattern -Force -ErrorAction SilentlyContinue | Where-Object { -not $_.PSIsContainer })
    foreach ($log in @($found | Sort-Object LastWriteTime -Descending)) {
        Invoke-Step $log.FullName { Add-File $log.FullName ('{0}/{1}' -f $EntryFolder, $log.Name) }
    }
}

# UTF-8 without a mark, whatever the version of PowerShell.
function Add-Text([string] $EntryName, [string] $EntryText) {
    $bytes = (New-Object Text.UTF8Encoding $false).GetBytes($EntryText)
    $stream = $archive.CreateEntry($EntryName).Open()
    try { $stream.Write($bytes, 0, $bytes.Length) } finally { $stream.Dispose() }
}

# Runs a program of Windows and gives what it says; what it says on stderr is no exception.
function Invoke-Tool([string] $ToolName, [string[]] $ToolArguments) {
    $ErrorActionPreference = 'Continue'
    $said = @(& "$env:windir\System32\$ToolName" $ToolArguments 2>&1 | ForEach-Object { [string] $_ })
    if ($LASTEXITCODE -ne 0) { throw ('{0} ended with {1}: {2}' -f $ToolName, $LASTEXITCODE, ($said -join ' ')) }
    $said
}

try {
    # ---- What the device is ----------------------------------------------------------------------
    $facts = [ordered]@{
        device_name  = $computer
        # Not by the device's culture: its calendar may count other years.
        collected_at = $now.ToString('s', $invariant) + 'Z'
        collector    = 'Collect-PatchState.ps1'
    }
    Invoke-Step 'build' {
        $version = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
        $os = Get-CimInstance -OperationTimeoutSec 120 -ClassName Win32_OperatingSystem
        $revision = ''
        if ($version.PSObject.Properties['UBR']) { $revision = '.{0}' -f $version.UBR }
        $facts['os_build'] = '{0}{1}' -f $os.Version, $revision
        $facts['os_name'] = $os.Caption
        $facts['os_edition'] = $version.EditionID
        $facts['architecture'] = $os.OSArchitecture
        $facts['utc_offset_minutes'] = [int] [TimeZoneInfo]::Local.GetUtcOffset([DateTime]::Now).TotalMinutes
        $facts['locale'] = (Get-Culture).Name
    }
    Invoke-Step 'computer' {
        $system = Get-CimInstance -OperationTimeoutSec 120 -ClassName Win32_ComputerSystem
        $facts['manufacturer'] = $system.Manufacturer
        $facts['model'] = $system.Model
        $facts['domain'] = $system.Domain
    }
    $space = [ordered]@{}
    $facts['free_space_mb'] = $space
    Invoke-Step 'disks' {
        foreach ($drive in @(Get-CimInstance -OperationTimeoutSec 120 -ClassName Win32_LogicalDisk -Filter 'DriveType = 3')) {
            # A locked or damaged volume has no size, which is not the same as being full.
            if ($drive.Size -gt 0) { $space[$drive.DeviceID] = [int64] [math]::Floor($drive.FreeSpace / 1048576) }
        }
    }
    Invoke-Step 'partitions' {
        # Without a letter: the partitions for recovery and start, named by their kind.
        $kinds = @{
            '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}' = 'recovery partition'
            '{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}' = 'EFI system partition'
        }
        foreach ($partition in @(Get-Partition)) {
            if ([string] $partition.DriveLetter -match '[A-Z]') { continue }
            $volume = Get-Volume -Partition $partition -ErrorAction SilentlyContinue
            if (-not $volume -or $volume.Size -le 0) { continue }
            $kind = ''
            if ($partition.GptType -and $kinds.ContainsKey([string] $partition.GptType)) {
                $kind = $kinds[[string] $partition.GptType]
            } elseif ($partition.IsActive) {
                $kind = 'system reserved partition'
            }
            if ($kind -and -not $space.Contains($kind)) { $space[$kind] = [int64] [math]::Floor($volume.SizeRemaining / 1048576) }
        }
    }
    Invoke-Step 'security products' {
        # Servers have no Security Center: there, the filter drivers that scan files tell.
        try {
            $products = @(Get-CimInstance -OperationTimeoutSec 120 -Namespace 'root/SecurityCenter2' -ClassName AntiVirusProduct | ForEach-Object { $_.displayName })
        } catch {
            $products = @(Get-ChildItem -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Services' -ErrorAction SilentlyContinue |
                Where-Object { [string] $_.GetValue('Group') -eq 'FSFilter Anti-Virus' } | ForEach-Object { $_.PSChildName })
        }
        $facts['security_products'] = @($products | Sort-Object -Unique)
    }
    Invoke-Step 'start of services' {
        $start = [ordered]@{}
        $facts['services'] = $start
        foreach ($service in 'wuauserv', 'BITS', 'UsoSvc', 'WaaSMedicSvc', 'DoSvc', 'cryptsvc', 'TrustedInstaller', 'msiserver', 'appidsvc') {
            $key = Get-Item -LiteralPath ('HKLM:\SYSTEM\CurrentControlSet\Services\{0}' -f $service) -ErrorAction SilentlyContinue
            if ($key -and $null -ne $key.GetValue('Start')) { $start[$service] = [int] $key.GetValue('Start') }
        }
    }
    Invoke-Step 'services' {
        $columns = @('Name', 'StartMode', 'State')
        $rows = Get-CimInstance -OperationTimeoutSec 120 -ClassName Win32_Service | Select-Object -Property $columns | ConvertTo-Csv -NoTypeInformation
        Add-Text 'services.csv' ($rows -join "`r`n")
    }
    Invoke-Step 'updates' {
        $lines = New-Object System.Collections.ArrayList
        [void] $lines.Add('"HotFixID","Description","InstalledOn"')
        foreach ($update in @(Get-CimInstance -OperationTimeoutSec 120 -ClassName Win32_QuickFixEngineering)) {
            # The raw text, always month/day/year: what PowerShell makes of it depends on the culture.
            $raw = [string] $update.CimInstanceProperties['InstalledOn'].Value
            $parsed = [DateTime]::MinValue
            $day = ''
            if ([DateTime]::TryParseExact($raw, 'M/d/yyyy', $invariant, [Globalization.DateTimeStyles]::None, [ref] $parsed)) {
                $day = $parsed.ToString('yyyy-MM-dd', $invariant)
            }
            [void] $lines.Add(('"{0}","{1}","{2}"' -f $update.HotFixID, $update.Description, $day))
        }
        Add-Text 'hotfix.csv' ($lines -join "`r`n")
    }
    Invoke-Step 'policies' {
        $lines = New-Object System.Collections.ArrayList
        foreach ($path in 'SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate', 'SYSTEM\CurrentControlSet\Control\TimeZoneInformation', 'SYSTEM\Setup\SetupDiag') {
            if (Test-Path -LiteralPath "HKLM:\$path") { $lines.AddRange(@(Invoke-Tool 'reg.exe' @('query', "HKLM\$path", '/s'))) }
        }
        Add-Text 'registry.txt' ($lines -join "`r`n")
    }

    # ---- Event logs ------------------------------------------------------------------------------
    # Half a year: more than that is told by the inventory. Milliseconds.
    $query = '*[System[TimeCreated[timediff(@SystemTime) <= 15552000000]]]'
    foreach ($channel in 'System', 'Setup', 'Application', 'Microsoft-Windows-WindowsUpdateClient/Operational') {
        Invoke-Step $channel {
            $export = Join-Path $outbox 'export.partial'
            try {
                Invoke-Tool 'wevtutil.exe' @('epl', $channel, $export, "/q:$query", '/ow:true') | Out-Null
                Add-File $export ('EventLogs/{0}.evtx' -f $channel.Replace('/', '%4'))
            } finally { Remove-Item -LiteralPath $export -Force -ErrorAction SilentlyContinue }
        }
    }

    # ---- Logs ------------------------------------------------------------------------------------
    Add-Logs "$env:windir\Logs\CBS\CBS.log" 'CBS'
    Add-Logs "$env:windir\Logs\CBS\CheckSUR*.log" 'CBS'
    Add-Logs "$env:windir\Logs\DISM\*.log" 'DISM'
    Add-Logs "$env:windir\Logs\SetupDiag\SetupDiagResults.*" 'SetupDiag'
    Add-Logs "$env:windir\SoftwareDistribution\ReportingEvents.log" 'SoftwareDistribution'
    Add-Logs "$env:windir\Panther\setup*.log" 'Panther'
    Add-Logs "$env:windir\Panther\NewOs\setup*.log" 'Panther-NewOs'
    Add-Logs "$env:SystemDrive\`$WINDOWS.~BT\Sources\Panther\setup*.log" 'BT-Panther'
    Add-Logs "$env:SystemDrive\`$WINDOWS.~BT\Sources\Rollback\setup*.log" 'BT-Rollback'
    # The logs of driver installations; one that begins anew leaves the older one with the time in its name.
    Add-Logs "$env:windir\INF\setupapi.dev*.log" 'INF'
    Add-Logs "$env:windir\INF\setupapi.setup*.log" 'INF'
    Add-Logs "$env:windir\Panther\setupapi\setupapi*.log" 'Panther-setupapi'
    Add-Logs "$env:SystemDrive\`$WINDOWS.~BT\Sources\Panther\setupapi\setupapi*.log" 'BT-Panther-setupapi'
    Add-Logs "$env:SystemDrive\`$WINDOWS.~BT\Sources\Rollback\setupapi\setupapi*.log" 'BT-Rollback-setupapi'
    foreach ($part in 'WUAHandler', 'UpdatesDeployment', 'UpdatesHandler', 'UpdatesStore', 'WindowsUpdate', 'ScanAgent') {
        Add-Logs "$env:windir\CCM\Logs\$part*.log" 'CCM'
    }
    if ([Environment]::OSVersion.Version.Major -lt 10) {
        Add-Logs "$env:windir\WindowsUpdate.log" 'Windows7'
    } else {
        Invoke-Step 'WindowsUpdate.log' {
            $decoded = Join-Path $outbox 'WindowsUpdate.log.partial'
            # Builds before 1709 decode with symbols from the Internet, and without it do not come to an end.
            $job = Start-Job -ArgumentList $decoded -ScriptBlock {
                param($decoded)
                $ProgressPreference = 'SilentlyContinue'
                Get-WindowsUpdateLog -LogPath $decoded -ErrorAction Stop *>&1 | Out-Null
            }
            try {
                if (-not (Wait-Job -Job $job -Timeout 900)) { throw 'not decoded within 15 minutes' }
                Receive-Job -Job $job -ErrorAction Stop | Out-Null
                Add-File $decoded 'WindowsUpdate.log'
            } finally {
                Remove-Job -Job $job -Force
                Remove-Item -LiteralPath $decoded -Force -ErrorAction SilentlyContinue
            }
        }
    }
    # The archives come last: they are large and old.
    Add-Logs "$env:windir\Logs\CBS\CbsPersist_*" 'CBS'

    Invoke-Step 'device.json' { Add-Text 'device.json' ($facts | ConvertTo-Json -Depth 4) }
    if ($failures.Count -gt 0) { Add-Text 'collect-errors.txt' ($failures -join "`r`n") }
} finally {
    $archive.Dispose()
    $target.Dispose()
}

if (-not $Gateway) {
    $bundle = Join-Path $OutputDirectory ($computer + '.zip')
    Move-Item -LiteralPath $partial -Destination $bundle -Force
    Write-Output $bundle
    exit 0
}
Move-Item -LiteralPath $partial -Destination ([IO.Path]::ChangeExtension($partial, '.zip')) -Force

# ---- Send ----------------------------------------------------------------------------------------
# Old versions of .NET begin with TLS 1.0; where the system decides (0), it knows better.
if ([int] [Net.ServicePointManager]::SecurityProtocol -ne 0) {
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
}
$token = ''
if ($TokenFile) { $token = [IO.File]::ReadAllText($TokenFile).Trim() }
$uri = '{0}/ingest/v1/bundles?name={1}' -f $Gateway.TrimEnd('/'), [Uri]::EscapeDataString($computer + '.zip')

# Sends one bundle and gives the status, what the gateway says, and after how many seconds to come
# back; status 0 is no answer. Not Invoke-WebRequest: it holds the whole file in memory.
function Send-Bundle([string] $BundlePath) {
    $reply = @{ Status = 0; Text = ''; After = 0 }
    $source = [IO.File]::OpenRead($BundlePath)
    $request = $null
    $response = $null
    try {
        $request = [Net.HttpWebRequest] [Net.WebRequest]::Create($uri)
        $request.Method = 'POST'
        $request.ContentType = 'application/zip'
        $request.ContentLength = $source.Length
        $request.AllowWriteStreamBuffering = $false
        # The token goes to the address that was given, and nowhere else.
        $request.AllowAutoRedirect = $false
        $request.UserAgent = 'Collect-PatchState'
        $request.Timeout = 1800000
        $request.ReadWriteTimeout = 300000
        if ($token) { $request.Headers.Add('Authorization', 'Bearer ' + $token) }
        if ($request.Proxy) { $request.Proxy.Credentials = [Net.CredentialCache]::DefaultCredentials }
        # Not closed when it breaks off: closing half a body is an error of its own, and would hide this one.
        $body = $request.GetRequestStream()
        $source.CopyTo($body, 1048576)
        $body.Close()
        $response = $request.GetResponse()
    } catch {
        $cause = $_.Exception.GetBaseException()
        for ($inner = $_.Exception; $inner; $inner = $inner.InnerException) {
            if ($inner -is [Net.WebException]) { $cause = $inner; $response = $inner.Response }
        }
        $reply.Text = $cause.Message
        if ($request -and -not $response) { $request.Abort() }
    } finally { $source.Dispose() }
    if ($response) {
        $reply.Status = [int] $response.StatusCode
        $seconds = 0
        if ([int]::TryParse([string] $response.Headers['Retry-After'], [ref] $seconds)) { $reply.After = $seconds }
        try {
            $reader = New-Object IO.StreamReader ($response.GetResponseStream())
            $reply.Text = $reader.ReadToEnd()
        } catch { $reply.Text += ' (the answer broke off)' }
        $response.Close()
    }
    $reply
}

# Two hours are enough: the next run tries again.
$deadline = [DateTime]::UtcNow.AddHours(2)
$refused = 0
foreach ($waiting in @(Get-ChildItem -Path (Join-Path $outbox '*.zip') -Force | Sort-Object Name)) {
    for ($attempt = 1; ; $attempt++) {
        $reply = Send-Bundle $waiting.FullName
        if ($reply.Status -eq 200) {
            Write-Output ('sent: {0}' -f $waiting.Name)
            Remove-Item -LiteralPath $waiting.FullName -Force
            break
        }
        Write-Warning ('{0}, attempt {1}: {2} {3}' -f $waiting.Name, $attempt, $reply.Status, $reply.Text)
        if ($reply.Status -in 400, 413, 415, 422) {
            # It is this bundle that the gateway does not want: those behind it shall not wait for it.
            Move-Item -LiteralPath $waiting.FullName -Destination ($waiting.FullName + '.refused') -Force
            $refused++
            break
        }
        $wait = [math]::Min(30 * [math]::Pow(2, $attempt - 1), 900)
        if ($reply.After -gt 0) { $wait = [math]::Min($reply.After, 3600) }
        # So that a whole site does not come back in the same second.
        $wait += Get-Random -Maximum 30
        # A wrong token or address does not get better by waiting.
        $isFinal = $reply.Status -ge 300 -and $reply.Status -lt 500 -and $reply.Status -notin 408, 429
        if ($isFinal -or $attempt -ge 8 -or [DateTime]::UtcNow.AddSeconds($wait) -gt $deadline) {
            Write-Warning ('not sent; what could not be sent stays in {0}' -f $outbox)
            exit 1
        }
        Start-Sleep -Seconds $wait
    }
}
if ($refused -gt 0) { exit 1 }
exit 0

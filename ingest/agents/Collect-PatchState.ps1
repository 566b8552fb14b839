<#
.SYNOPSIS
    Gathers what patchlens needs to know about Windows updates on this device into one .zip, and uploads it.

.DESCRIPTION
    One file, for Windows PowerShell 5.1, without modules beyond those of Windows. Run it as SYSTEM or as an
    administrator. Every source is gathered by itself: one that cannot be read is written down in device.json,
    as collect_notes, and leaves the others alone. The device is not changed, but for the folder that is worked in and, with -Register,
    the scheduled task.

    The bundle: logs under logs\, event logs under events\, inventories beside them, and device.json with facts.
    Names of people are taken out by the gateway when it reads the bundle, not by this script: upload over https.

    NOT RUN BY ITS AUTHORS: there was no Windows at hand. The syntax is checked with a PowerShell grammar, and a
    bundle laid out as this script makes it is read in the project's tests. What only Windows can show was not
    seen: Get-WindowsUpdateLog, wevtutil, the CIM classes, the scheduled task and the upload. Try it on one device
    of each Windows version before it goes to the fleet.

.PARAMETER Gateway
    Address of the gateway, https://patchlens.example.com. Without it the bundle is only made.
.PARAMETER TokenFile
    A file with the collector's token in its first line, readable by SYSTEM and administrators only.
    `patchlens gateway token add NAME` makes a token.
.PARAMETER OutputFolder
    Where the bundle is made. One that was uploaded is deleted; one that was not stays for the next run.
.PARAMETER KeepBundles
    How many bundles that could not be uploaded are kept.
.PARAMETER Site
    Site of the device, as dashboards shall show it.
.PARAMETER Ring
    Deployment ring of the device.
.PARAMETER Register
    Registers a scheduled task that runs this script every day as SYSTEM with these parameters, and ends.
.PARAMETER DailyAt
    When the task runs, HH:mm; each device adds up to an hour by chance.

.EXAMPLE
    .\Collect-PatchState.ps1 -Gateway https://patchlens.example.com -TokenFile C:\ProgramData\patchlens\token
.EXAMPLE
    .\Collect-PatchState.ps1 -Gateway https://patchlens.example.com -TokenFile C:\ProgramData\patchlens\token -Register
#>
[CmdletBinding()]
param(
    [string]$Gateway = '',
    [string]$TokenFile = '',
    [string]$OutputFolder = (Join-Path $env:ProgramData 'patchlens'),
    [int]$KeepBundles = 3,
    [string]$Site = '',
    [string]$Ring = '',
    [switch]$Register,
    [string]$DailyAt = '12:30'
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# The progress bar of Windows PowerShell slows downloads and uploads to a crawl.
$ProgressPreference = 'SilentlyContinue'

$uploadTries = 6
$bytesPerMegabyte = 1048576
$taskName = 'patchlens collect'

function Write-Note([string]$Text) {
    Write-Verbose $Text
    $script:notes.Add($Text)
}

# Runs one step; what goes wrong in it is written down.
function Invoke-Step([string]$Name, [scriptblock]$Step) {
    try {
        & $Step
        Write-Verbose "$Name done"
    }
    catch {
        Write-Note "$Name failed: $($_.Exception.Message)"
    }
}

# Copies a file that its owner may hold open.
function Copy-Shared([string]$From, [string]$To) {
    $source = New-Object IO.FileStream($From, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]'ReadWrite, Delete')
    try {
        $target = [IO.File]::Create($To)
        try { $source.CopyTo($target) } finally { $target.Dispose() }
    }
    finally { $source.Dispose() }
}

# Copies the newest files that match, each below a limit.
function Copy-Logs([string]$Pattern, [string]$To, [int]$Newest = 8, [long]$BytesMax = 268435456) {
    $files = @(Get-ChildItem -Path $Pattern -File -Force -ErrorAction SilentlyContinue |
        Sort-Object LastWriteTime -Descending | Select-Object -First $Newest)
    foreach ($file in $files) {
        if ($file.Length -gt $BytesMax) {
            Write-Note "$($file.FullName) has $($file.Length) bytes and is left out"
            continue
        }
        New-Item -ItemType Directory -Path $To -Force | Out-Null
        Copy-Shared $file.FullName (Join-Path $To $file.Name)
    }
}

function Write-Csv($Rows, [string]$Path) {
    @($Rows) | Export-Csv -LiteralPath $Path -NoTypeInformation -Encoding UTF8
}

function Get-RegistryValue([string]$Key, [string]$Name) {
    $item = Get-ItemProperty -LiteralPath $Key -ErrorAction SilentlyContinue
    if ($item -and ($item.PSObject.Properties.Name -contains $Name)) {
        return $item.$Name
    }
    return $null
}

function Save-Logs([string]$Root) {
    $windows = $env:SystemRoot
    $logs = Join-Path $Root 'logs'
    Invoke-Step 'CBS' {
        Copy-Logs "$windows\Logs\CBS\CBS.log" "$logs\CBS"
        Copy-Logs "$windows\Logs\CBS\CbsPersist_*" "$logs\CBS" 4
    }
    Invoke-Step 'DISM' { Copy-Logs "$windows\Logs\DISM\dism*.log" "$logs\DISM" 2 }
    Invoke-Step 'SetupDiag' { Copy-Logs "$windows\Logs\SetupDiag\SetupDiagResults*" "$logs\SetupDiag" }
    Invoke-Step 'ReportingEvents' {
        Copy-Logs "$windows\SoftwareDistribution\ReportingEvents.log" "$logs\WindowsUpdate" 1
    }
    Invoke-Step 'Configuration Manager' {
        foreach ($name in 'WUAHandler', 'UpdatesDeployment', 'UpdatesHandler', 'smsts') {
            Copy-Logs "$windows\CCM\Logs\$name*.log" "$logs\CCM" 2
        }
    }
    # Setup leaves its logs in several places, some of them only while an upgrade is under way.
    $drive = $env:SystemDrive
    $panthers = @{
        'windows'   = "$windows\Panther"
        'sources'   = "$drive\`$WINDOWS.~BT\Sources\Panther"
        'rollback'  = "$drive\`$WINDOWS.~BT\Sources\Rollback"
        'newos'     = "$windows\Panther\NewOs\Panther"
        'old'       = "$drive\Windows.old\Windows\Panther"
    }
    foreach ($place in $panthers.GetEnumerator()) {
        Invoke-Step "Panther $($place.Key)" {
            Copy-Logs "$($place.Value)\setup*.log" "$logs\Panther\$($place.Key)" 6
        }
    }
    Invoke-Step 'WindowsUpdate.log' {
        $target = "$logs\WindowsUpdate"
        New-Item -ItemType Directory -Path $target -Force | Out-Null
        if ([Environment]::OSVersion.Version.Major -ge 10) {
            Get-WindowsUpdateLog -LogPath "$target\WindowsUpdate.log" | Out-Null
        }
        else {
            Copy-Logs "$windows\WindowsUpdate.log" $target 1
        }
    }
}

function Save-EventLogs([string]$Root) {
    $target = Join-Path $Root 'events'
    New-Item -ItemType Directory -Path $target -Force | Out-Null
    $channels = 'System', 'Setup', 'Application', 'Microsoft-Windows-WindowsUpdateClient/Operational'
    foreach ($channel in $channels) {
        Invoke-Step "event log $channel" {
            $path = Join-Path $target (($channel -replace '/', '%4') + '.evtx')
            # Ninety days: what is older is no attempt of a rollout that is under way.
            $query = '*[System[TimeCreated[timediff(@SystemTime) <= 7776000000]]]'
            & "$env:SystemRoot\System32\wevtutil.exe" epl $channel $path "/q:$query" /ow:true
            if ($LASTEXITCODE -ne 0) { throw "wevtutil ended with $LASTEXITCODE" }
        }
    }
}

function Get-SecurityProducts {
    # Servers have no Security Center: their products are known by their services.
    $names = @(Get-CimInstance -Namespace 'root/SecurityCenter2' -ClassName AntiVirusProduct -ErrorAction SilentlyContinue |
        ForEach-Object { $_.displayName })
    $keys = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*',
        'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*'
    $pattern = 'antivirus|endpoint|security agent|edr|falcon|sentinel|sophos|symantec|trellix|mcafee|kaspersky|eset|bitdefender|trend micro|carbon black|cylance|360|huorong|qianxin|data loss|terminal management'
    foreach ($entry in @(Get-ItemProperty -Path $keys -ErrorAction SilentlyContinue)) {
        if ($entry.PSObject.Properties.Name -contains 'DisplayName' -and $entry.DisplayName -match $pattern) {
            $names += $entry.DisplayName
        }
    }
    return @($names | Where-Object { $_ } | Sort-Object -Unique)
}

# Free space in MiB by drive letter, or by kind where a partition has no letter.
function Get-FreeSpace {
    $free = @{}
    foreach ($volume in @(Get-CimInstance -Namespace 'root/Microsoft/Windows/Storage' -ClassName MSFT_Volume -ErrorAction Stop)) {
        if ($volume.DriveLetter -and [int][char]$volume.DriveLetter -ne 0) {
            $free["$($volume.DriveLetter):"] = [long]($volume.SizeRemaining / $bytesPerMegabyte)
        }
    }
    foreach ($partition in @(Get-Partition -ErrorAction SilentlyContinue)) {
        $kind = switch -Wildcard ([string]$partition.Type) {
            'Recovery' { 'recovery' }
            'System' { 'efi' }
            default { '' }
        }
        if (-not $kind) { continue }
        $volume = $partition | Get-Volume -ErrorAction SilentlyContinue
        if ($volume) {
            $name = "$kind (disk $($partition.DiskNumber) partition $($partition.PartitionNumber))"
            $free[$name] = [long]($volume.SizeRemaining / $bytesPerMegabyte)
        }
    }
    return $free
}

function Save-Facts([string]$Root) {
    $current = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $facts = [ordered]@{
        collected_at = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
        device_name = $env:COMPUTERNAME
        utc_offset_minutes = [int][TimeZoneInfo]::Local.GetUtcOffset([DateTime]::Now).TotalMinutes
    }
    Invoke-Step 'build' {
        $build = Get-RegistryValue $current 'CurrentBuildNumber'
        $ubr = Get-RegistryValue $current 'UBR'
        $major = Get-RegistryValue $current 'CurrentMajorVersionNumber'
        $minor = Get-RegistryValue $current 'CurrentMinorVersionNumber'
        if ($null -eq $major) {
            $facts.os_build = "$(Get-RegistryValue $current 'CurrentVersion').$build"
        }
        else {
            $facts.os_build = "$major.$minor.$build.$ubr"
        }
        $facts.os_name = Get-RegistryValue $current 'ProductName'
        $facts.os_edition = Get-RegistryValue $current 'EditionID'
        $facts.architecture = $env:PROCESSOR_ARCHITECTURE
        $facts.locale = (Get-Culture).Name
    }
    Invoke-Step 'computer' {
        $computer = Get-CimInstance -ClassName Win32_ComputerSystem
        $facts.manufacturer = $computer.Manufacturer
        $facts.model = $computer.Model
        $facts.domain = $computer.Domain
    }
    Invoke-Step 'security products' { $facts.security_products = @(Get-SecurityProducts) }
    Invoke-Step 'free space' { $facts.free_space_mb = Get-FreeSpace }
    if ($Site) { $facts.site = $Site }
    if ($Ring) { $facts.ring = $Ring }
    if ($script:notes.Count -gt 0) { $facts.collect_notes = $script:notes.ToArray() }
    # Set-Content would write a byte order mark in the device's code page.
    $json = $facts | ConvertTo-Json -Depth 4
    [IO.File]::WriteAllText((Join-Path $Root 'device.json'), $json, (New-Object Text.UTF8Encoding $false))
}

function Save-Inventories([string]$Root) {
    Invoke-Step 'hotfixes' {
        $rows = Get-CimInstance -ClassName Win32_QuickFixEngineering | ForEach-Object {
            $installedOn = ''
            if ($_.InstalledOn) { $installedOn = ([DateTime]$_.InstalledOn).ToString('yyyy-MM-dd') }
            New-Object PSObject -Property @{ CSName = $_.CSName; HotFixID = $_.HotFixID; InstalledOn = $installedOn }
        }
        Write-Csv ($rows | Select-Object -Property @('CSName', 'HotFixID', 'InstalledOn')) (Join-Path $Root 'hotfixes.csv')
    }
    Invoke-Step 'services' {
        $rows = Get-CimInstance -ClassName Win32_Service | Select-Object -Property @('Name', 'StartMode', 'State')
        Write-Csv $rows (Join-Path $Root 'services.csv')
    }
    Invoke-Step 'registry' {
        # The keys that decide whether updates may run at all.
        $keys = 'HKLM\SYSTEM\CurrentControlSet\Services\wuauserv', 'HKLM\SYSTEM\CurrentControlSet\Services\WaaSMedicSvc',
            'HKLM\SYSTEM\CurrentControlSet\Services\BITS', 'HKLM\SYSTEM\CurrentControlSet\Services\TrustedInstaller',
            'HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate', 'HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU'
        # A key that is not there would end the step: Windows PowerShell takes what reg.exe complains of for an error.
        $there = @($keys | Where-Object { Test-Path -LiteralPath "Registry::$($_ -replace '^HKLM', 'HKEY_LOCAL_MACHINE')" })
        $text = foreach ($key in $there) {
            & "$env:SystemRoot\System32\reg.exe" query $key
        }
        $text | Out-File -LiteralPath (Join-Path $Root 'registry.txt') -Encoding UTF8
    }
}

# Makes the bundle and returns its path.
function New-Bundle {
    $stamp = (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ')
    $root = Join-Path $OutputFolder "work-$stamp"
    New-Item -ItemType Directory -Path $root -Force | Out-Null
    $script:notes = New-Object Collections.Generic.List[string]
    try {
        Save-Logs $root
        Save-EventLogs $root
        Save-Inventories $root
        Save-Facts $root
        $bundle = Join-Path $OutputFolder "$env:COMPUTERNAME-$stamp.zip"
        Add-Type -AssemblyName System.IO.Compression.FileSystem
        # Under another name until it is whole: a bundle is never half of one.
        $partial = "$bundle.partial"
        [IO.Compression.ZipFile]::CreateFromDirectory($root, $partial, [IO.Compression.CompressionLevel]::Optimal, $false)
        Move-Item -LiteralPath $partial -Destination $bundle
        return $bundle
    }
    finally {
        Remove-Item -LiteralPath $root -Recurse -Force -ErrorAction SilentlyContinue
    }
}

# Uploads one bundle; true when the gateway has it for good.
function Send-Bundle([string]$Path, [string]$Token) {
    $name = [Uri]::EscapeDataString([IO.Path]::GetFileName($Path))
    $address = '{0}/ingest/v1/bundles?name={1}' -f $Gateway.TrimEnd('/'), $name
    for ($try = 1; $try -le $uploadTries; $try++) {
        $wait = [Math]::Min(600, 10 * [Math]::Pow(2, $try - 1))
        try {
            Invoke-RestMethod -Uri $address -Method Post -InFile $Path -ContentType 'application/zip' `
                -Headers @{ Authorization = "Bearer $Token" } -TimeoutSec 1800 | Out-Null
            return $true
        }
        catch {
            $status = 0
            $response = $null
            if ($_.Exception.PSObject.Properties.Name -contains 'Response') { $response = $_.Exception.Response }
            if ($response) {
                $status = [int]$response.StatusCode
                $asked = 0
                if ([int]::TryParse([string]$response.Headers['Retry-After'], [ref]$asked)) { $wait = [Math]::Min(3600, $asked) }
            }
            Write-Warning "upload $try of $uploadTries failed ($status): $($_.Exception.Message)"
            # Another try changes nothing about a bad request, a wrong token or a bundle that is too large.
            if ($status -ge 400 -and $status -lt 500 -and $status -notin 408, 409, 429) { return $false }
        }
        if ($try -lt $uploadTries) {
            # A whole site that comes back at once shall not knock at once.
            Start-Sleep -Seconds ($wait + (Get-Random -Minimum 0 -Maximum 15))
        }
    }
    return $false
}

function Register-Collection {
    $powershell = Join-Path $env:SystemRoot 'System32\WindowsPowerShell\v1.0\powershell.exe'
    $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}" -Gateway "{1}" -TokenFile "{2}" -OutputFolder "{3}" -KeepBundles {4}' -f
        $PSCommandPath, $Gateway, $TokenFile, $OutputFolder, $KeepBundles
    if ($Site) { $arguments += " -Site `"$Site`"" }
    if ($Ring) { $arguments += " -Ring `"$Ring`"" }
    $action = New-ScheduledTaskAction -Execute $powershell -Argument $arguments
    $trigger = New-ScheduledTaskTrigger -Daily -At $DailyAt -RandomDelay (New-TimeSpan -Hours 1)
    $settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew -ExecutionTimeLimit (New-TimeSpan -Hours 3)
    $principal = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
    Register-ScheduledTask -TaskName $taskName -Action $action -Trigger $trigger -Settings $settings -Principal $principal -Force | Out-Null
    Write-Output "registered the task '$taskName', daily at $DailyAt"
}

$script:notes = New-Object Collections.Generic.List[string]
if ($Gateway -and -not ($Gateway -match '^https://' -or $Gateway -match '^http://(localhost|127\.0\.0\.1)(:|/|$)')) {
    throw "-Gateway is $Gateway; logs hold names of people, so the address must begin with https://"
}
if ($Gateway -and -not (Test-Path -LiteralPath $TokenFile -PathType Leaf -ErrorAction SilentlyContinue)) {
    throw "-TokenFile '$TokenFile' does not exist; write the token of this collector into it"
}
if ($Register) {
    Register-Collection
    exit 0
}
New-Item -ItemType Directory -Path $OutputFolder -Force | Out-Null
$bundle = New-Bundle
if (-not $Gateway) {
    Write-Output $bundle
    exit 0
}
# Windows 10 before 1803 and Server 2016 do not offer TLS 1.2 by themselves.
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$token = ([string](Get-Content -LiteralPath $TokenFile -TotalCount 1)).Trim()
$waiting = @(Get-ChildItem -LiteralPath $OutputFolder -Filter "$env:COMPUTERNAME-*.zip" -File | Sort-Object Name)
$failed = 0
foreach ($file in $waiting) {
    if (Send-Bundle $file.FullName $token) {
        Remove-Item -LiteralPath $file.FullName -Force
    }
    else {
        $failed++
        # What is in the way of one is in the way of all.
        break
    }
}
@(Get-ChildItem -LiteralPath $OutputFolder -Filter "$env:COMPUTERNAME-*.zip" -File | Sort-Object Name -Descending) |
    Select-Object -Skip $KeepBundles | Remove-Item -Force
if ($failed -gt 0) { exit 1 }
